// Compiled by `npm test`, never run. Each `@ts-expect-error` is a test: where the error it expects does not occur,
// the compiler refuses the file. Beside each stands the same thing done right, so no error is there for another reason.

import type { ErrorCode, errors } from '../../generated/errors.ts';
import type {
  ClientMessage,
  ClientPayloads,
  ClientReplies,
  CloseName,
  closeCodes,
  ExactHandlers,
  MessageHandlers,
  MessageHandlersOf,
  Participant,
  ServerMessage,
} from '../../generated/messages.ts';
import type {
  OperationHandlers,
  OperationHandlersOf,
  OperationReplies,
  OperationRequest,
  RateLimit,
  Scope,
} from '../../generated/operations.ts';

interface Member {
  readonly clientId: string;
}
interface Caller {
  readonly subject: string;
}
type Messages = MessageHandlers<Member>;
type Operations = OperationHandlers<Caller>;

declare function accept<T>(value: T): void;
declare const messages: Messages;
declare const operations: Operations;
declare const participant: Participant;
const sent = { messageId: '018d0c0f-3a40-7c3e-9d35-2b1c1d3e4f50', sentAt: '2024-01-15T10:30:00Z' };
const connection = {
  id: 'c',
  clientId: 'c',
  userId: 'u',
  roomId: 'r',
  channel: 'zoom',
  presenterName: 'n',
  isHost: true,
  joinedAt: '2024-01-15T10:30:00Z',
  connectionStatus: 'connected',
} as const;

// Message handlers: all of them, no other.
const { 'chat.send': _chatSend, ...withoutChatSend } = messages;
accept<Messages>({ ...withoutChatSend, 'chat.send': () => sent });
// @ts-expect-error a handler is missing
accept<Messages>(withoutChatSend);
// @ts-expect-error a handler is one too many
accept<Messages>({ ...messages, 'chat.shout': () => sent });
// @ts-expect-error a namespace lacks a handler
accept<MessageHandlersOf<'signal', Member>>({ 'signal.offer': () => undefined });
// @ts-expect-error a handler belongs to another namespace
accept<Pick<Messages, 'chat.send'>>({ 'chat.send': () => sent, 'signal.offer': () => undefined });

// What a handler is given.
accept<Messages['chat.send']>((sender, { text, to = [] }) => ({
  ...sent,
  messageId: sender.clientId + text + to.length,
}));
// @ts-expect-error the payload has no such property
accept<Messages['chat.send']>((_sender, { loud }) => ({ ...sent, messageId: loud }));
// @ts-expect-error `text` is a string
accept<Messages['chat.send']>((_sender, payload: { text: number }) => ({
  ...sent,
  messageId: `${payload.text}`,
}));
// @ts-expect-error `to` may be left out
accept<Messages['chat.send']>((_sender, { to }) => ({ ...sent, messageId: to.join() }));
// @ts-expect-error the sender is what the server says it is
accept<Messages['chat.send']>((sender: { socket: string }) => ({ ...sent, messageId: sender.socket }));

// What a handler returns: the payload of the reply, the result of the ack, or nothing; now or later.
accept<Messages['chat.send']>(async () => sent);
// @ts-expect-error the ack of chat.send has a result
accept<Messages['chat.send']>(() => {});
// @ts-expect-error a property of the result is missing
accept<Messages['chat.send']>(() => ({ messageId: sent.messageId }));
// @ts-expect-error a property of the result is missing, and later
accept<Messages['chat.send']>(async () => ({ messageId: sent.messageId }));
// @ts-expect-error a property of the result is mistyped
accept<Messages['chat.send']>(() => ({ ...sent, sentAt: 1705314600000 }));
accept<Messages['session.ping']>((_sender, { t }) => ({ t, serverTime: 0 }));
// @ts-expect-error a property of the reply is missing
accept<Messages['session.ping']>((_sender, { t }) => ({ t }));
accept<Messages['presence.list']>(() => ({ participants: [participant] }));
// @ts-expect-error a property is missing deep in the reply
accept<Messages['presence.list']>(() => ({ participants: [{ clientId: 'c' }] }));
// @ts-expect-error left out is not the same as undefined
accept<Messages['presence.list']>(() => ({ participants: [], nextCursor: undefined }));
accept<Messages['signal.offer']>(() => {});
accept<Messages['signal.offer']>(async () => {});
// @ts-expect-error the ack has no result, so nothing is returned
accept<Messages['signal.offer']>(() => sent);
// @ts-expect-error the ack has no result, so nothing is returned later either
accept<Messages['signal.offer']>(async () => true);

// No more than the reply has. Functions may return more than their type says, so ExactHandlers looks again.
const exact = { 'chat.send': () => sent, 'presence.list': async () => ({ participants: [participant] }) };
accept<ExactHandlers<typeof exact, ClientReplies>>(exact);
const unknownHandler = { 'chat.shout': () => sent };
// @ts-expect-error no such message
accept<ExactHandlers<typeof unknownHandler, ClientReplies>>(unknownHandler);
const surplus = { 'chat.send': () => ({ ...sent, text: 'Hello' }) };
accept<Pick<Messages, 'chat.send'>>(surplus);
// @ts-expect-error the result has a property too many
accept<ExactHandlers<typeof surplus, ClientReplies>>(surplus);
const late = { 'chat.send': async () => (Math.random() > 0.5 ? sent : { ...sent, text: 'Hello' }) };
// @ts-expect-error the result has a property too many, sometimes and later
accept<ExactHandlers<typeof late, ClientReplies>>(late);
const deep = { 'presence.list': () => ({ participants: [{ ...participant, token: 'secret' }] }) };
accept<Pick<Messages, 'presence.list'>>(deep);
// @ts-expect-error a property too many, deep in the reply
accept<ExactHandlers<typeof deep, ClientReplies>>(deep);
const open = {
  'presence.list': () => ({ participants: [{ ...participant, metadata: { any: { thing: 1 } } }] }),
};
accept<ExactHandlers<typeof open, ClientReplies>>(open);
const documents = { getOpenapi: () => ({ info: { title: 't', version: '1' }, paths: { '/': {} } }) };
accept<ExactHandlers<typeof documents, OperationReplies>>(documents);
const leak = { listActiveConnections: () => [{ ...connection, token: 'secret' }] };
accept<Pick<Operations, 'listActiveConnections'>>(leak);
// @ts-expect-error a property too many in the response body
accept<ExactHandlers<typeof leak, OperationReplies>>(leak);
const slowLeak = { listActiveConnections: () => [{ ...connection, token: 'secret' }].values() };
accept<Pick<Operations, 'listActiveConnections'>>(slowLeak);
// @ts-expect-error a property too many in what is drawn into the body
accept<ExactHandlers<typeof slowLeak, OperationReplies>>(slowLeak);

// Outgoing messages.
const notice = { noticeId: sent.messageId, message: 'Hello', sentAt: sent.sentAt };
accept<ServerMessage>({ type: 'notice', ts: 0, payload: notice });
accept<ServerMessage<'notice'>>({ type: 'notice', ts: 0, payload: notice });
// @ts-expect-error no payload
accept<ServerMessage<'notice'>>({ type: 'notice', ts: 0 });
// @ts-expect-error no time
accept<ServerMessage<'notice'>>({ type: 'notice', payload: notice });
// @ts-expect-error the payload lacks a property
accept<ServerMessage<'notice'>>({ type: 'notice', ts: 0, payload: { noticeId: 'n', message: 'Hello' } });
// @ts-expect-error the payload has a property too many
accept<ServerMessage<'notice'>>({ type: 'notice', ts: 0, payload: { ...notice, loud: true } });
// @ts-expect-error the payload has a mistyped property
accept<ServerMessage<'notice'>>({ type: 'notice', ts: 0, payload: { ...notice, message: 5 } });
// @ts-expect-error the payload belongs to another type
accept<ServerMessage>({ type: 'notice', ts: 0, payload: { t: 0, serverTime: 0 } });
// @ts-expect-error an unknown type
accept<ServerMessage>({ type: 'shout', ts: 0, payload: notice });
// @ts-expect-error the type parameter is unknown
accept<ServerMessage<'shout'>>({ type: 'shout', ts: 0, payload: notice });
// @ts-expect-error frames have no such field
accept<ServerMessage<'notice'>>({ type: 'notice', ts: 0, payload: notice, to: 'c' });
accept<ClientMessage<'session.ping'>>({ type: 'session.ping', payload: { t: 0 } });
// @ts-expect-error clients do not send this
accept<ClientMessage>({ type: 'notice', payload: notice });
// @ts-expect-error the payload has a property too many
accept<ClientPayloads['session.ping']>({ t: 0, u: 1 });

// Operation handlers: all of them, no other.
const { kickConnection: _kickConnection, ...withoutKick } = operations;
const kicked = { success: true, message: 'Client disconnected' } as const;
accept<Operations>({ ...withoutKick, kickConnection: () => kicked });
// @ts-expect-error a handler is missing
accept<Operations>(withoutKick);
// @ts-expect-error a handler is one too many
accept<Operations>({ ...operations, greetConnection: () => kicked });
// @ts-expect-error a tag lacks a handler
accept<OperationHandlersOf<'connections', Caller>>({ listActiveConnections: () => [] });

// Response bodies.
accept<Operations['kickConnection']>(async () => ({ success: true, message: 'Client disconnected' }));
// @ts-expect-error a property of the body is missing
accept<Operations['kickConnection']>(() => ({ success: true }));
// @ts-expect-error a property of the body is mistyped
accept<Operations['kickConnection']>(() => ({ success: false, message: 'Client disconnected' }));
// @ts-expect-error the text of the body is part of the contract
accept<Operations['kickConnection']>(() => ({ success: true, message: 'Gone' }));
// @ts-expect-error no body
accept<Operations['kickConnection']>(() => {});
// @ts-expect-error the body has a property too many
accept<OperationReplies['kickConnection']>({ ...kicked, disconnected: 1 });
accept<Operations['listActiveConnections']>(() => [connection]);
// @ts-expect-error a property is missing in an item of the body
accept<Operations['listActiveConnections']>(() => [{ id: 'c' }]);
accept<Operations['listActiveConnections']>(async () => [connection].values());
// @ts-expect-error a property is missing in what is drawn into the body
accept<Operations['listActiveConnections']>(() => [{ id: 'c' }].values());
// @ts-expect-error 204 has no body
accept<Operations['preflightConnect']>(() => ({ success: true }));
accept<Operations['preflightConnect']>(() => {});

// What an operation is given.
accept<Operations['kickConnection']>(({ params, body }, caller) => {
  accept<string>(params.id + caller.subject + (body?.reason ?? ''));
  return kicked;
});
// @ts-expect-error the body may be left out
accept<(request: OperationRequest<'kickConnection'>) => unknown>(({ body }) => body.reason);
// @ts-expect-error the path has no such parameter
accept<(request: OperationRequest<'kickConnection'>) => unknown>(({ params }) => params.roomId);
accept<(request: OperationRequest<'broadcastToRoom'>) => string>(({ body }) => body.message);
accept<(request: OperationRequest<'broadcastToRoom'>) => string | undefined>(
  ({ headers }) => headers['idempotency-key'],
);
accept<OperationRequest<'getHealth'>>({ params: {}, query: {}, headers: {}, body: undefined });
// @ts-expect-error the operation takes no body
accept<OperationRequest<'getHealth'>>({ params: {}, query: {}, headers: {}, body: {} });
accept<Operations['getHealth']>((_request, _caller: undefined) => ({ status: 'ok' }));
// @ts-expect-error nobody is known where no token is asked for
accept<Operations['getHealth']>((_request, _caller: Caller) => ({ status: 'ok' }));

// The tables.
accept<ErrorCode>('rate_limited');
// @ts-expect-error an unknown error code
accept<ErrorCode>('rate_limit');
// @ts-expect-error an unknown error code
accept<keyof typeof errors>('rate_limit');
accept<CloseName>('kicked');
// @ts-expect-error an unknown close name
accept<CloseName>('punted');
accept<(typeof closeCodes)['kicked']>(4500);
// @ts-expect-error another code than the contract's
accept<(typeof closeCodes)['kicked']>(4501);
accept<Scope>('rooms:close');
// @ts-expect-error an unknown scope
accept<Scope>('rooms:open');
// @ts-expect-error a limit without a block
accept<RateLimit>({ name: 'n', limit: 1, windowMs: 1 });
