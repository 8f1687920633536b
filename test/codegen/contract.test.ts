import { describe, expect, test } from 'vitest';
import { ContractError, type JsonObject } from '../../src/codegen/documents.ts';
import { at, contractWith } from './specs.ts';

const contract = contractWith();
const message = (key: string) => contract.messages.find((entry) => entry.key === key);
const operation = (id: string) => contract.operations.find((entry) => entry.id === id);

describe('a message is answered by what its operation replies', () => {
  test.each([
    ['client.session.ping', 'session.pong', undefined],
    ['client.session.refreshToken', 'session.tokenRefreshed', undefined],
    ['client.presence.list', 'presence.roster', undefined],
    ['client.signal.offer', 'ack', undefined],
    ['client.chat.send', 'ack', 'ChatSent'],
  ])('%s by %s', (key, reply, result) => {
    expect(message(key)).toMatchObject({ direction: 'client', reply, result });
  });

  test('what the server sends is answered by nobody', () => {
    expect(message('server.notice')).toMatchObject({
      direction: 'server',
      reply: undefined,
      result: undefined,
    });
  });
});

test('a message has its channels, the name of its payload, and whether it may have an id', () => {
  expect(message('client.signal.offer')).toMatchObject({
    type: 'signal.offer',
    channels: ['zoom', 'screenshare'],
    payload: 'SignalDescription',
    volatile: false,
    hasId: true,
  });
  expect(message('client.session.ping')).toMatchObject({ volatile: true, hasId: false });
});

test('an operation has its route, scope and limit', () => {
  expect(operation('closeRoom')).toEqual({
    id: 'closeRoom',
    method: 'post',
    path: '/api/connections/rooms/{roomId}/close',
    tag: 'rooms',
    kind: 'json',
    auth: 'token',
    scope: 'rooms:close',
    limit: { name: 'rooms-close', limit: 10, windowMs: 60_000, block: { minMs: 180_000, maxMs: 3_600_000 } },
    success: 200,
    body: false,
  });
});

test.each([
  ['broadcastToRoom', { kind: 'json', auth: 'token', success: 200, body: true }],
  ['preflightConnect', { kind: 'json', auth: 'token', scope: undefined, success: 204 }],
  ['connectZoom', { kind: 'upgrade', auth: 'token', success: 101 }],
  ['getHealth', { kind: 'json', auth: 'none', limit: undefined }],
  ['getRoot', { kind: 'page', auth: 'none', success: 302 }],
  ['getDocs', { kind: 'page', auth: 'none', success: 200 }],
])('%s is told apart', (id, expected) => {
  expect(operation(id)).toMatchObject(expected);
});

describe('refused, with the place:', () => {
  const kick = '/api/connections/{id}/kick';
  const messages = (asyncapi: JsonObject) => at(asyncapi, 'components', 'messages');
  const send = (asyncapi: JsonObject) => at(messages(asyncapi), 'client.chat.send');

  test.each<[what: string, change: (openapi: JsonObject, asyncapi: JsonObject) => void, message: string]>([
    [
      'a message whose name is not its key',
      (_, asyncapi) => Object.assign(send(asyncapi), { name: 'chat.say' }),
      'specs/asyncapi.yaml#/components/messages/client.chat.send: named chat.say; expected its key',
    ],
    [
      'a message whose type is not its name',
      (_, asyncapi) =>
        Object.assign(at(send(asyncapi), 'payload', 'properties', 'type'), { const: 'chat.say' }),
      'specs/asyncapi.yaml#/components/messages/client.chat.send: its type is not the constant chat.send',
    ],
    [
      'a message whose type is open',
      (_, asyncapi) =>
        Object.assign(at(send(asyncapi), 'payload', 'properties'), { type: { type: 'string' } }),
      'client.chat.send: its type is not the constant chat.send',
    ],
    [
      'a payload without a name',
      (_, asyncapi) =>
        Object.assign(at(send(asyncapi), 'payload', 'properties'), { payload: { type: 'object' } }),
      'specs/asyncapi.yaml#/components/messages/client.chat.send/payload/properties/payload: expected a $ref',
    ],
    [
      'a client message that no operation receives',
      (_, asyncapi) =>
        Object.assign(messages(asyncapi), {
          'client.chat.shout': {
            name: 'chat.shout',
            payload: { properties: { type: { const: 'chat.shout' } } },
          },
        }),
      'specs/asyncapi.yaml#/components/messages/client.chat.shout: no operation receives it',
    ],
    [
      'two operations that answer one message differently',
      (_, asyncapi) => {
        const reply = at(asyncapi, 'operations', 'chat.ping', 'reply');
        reply.messages = [{ $ref: '#/channels/chat/messages/server.ack' }];
      },
      'specs/asyncapi.yaml#/operations/chat.ping: answers client.session.ping by ack, another operation by session.pong',
    ],
    [
      'an operation that receives what the server sends',
      (_, asyncapi) => {
        const receive = at(asyncapi, 'operations', 'chat.ping');
        receive.messages = [{ $ref: '#/channels/chat/messages/server.notice' }];
      },
      'specs/asyncapi.yaml#/operations/chat.ping: receives server.notice',
    ],
    [
      'a result where no ack could carry it',
      (_, asyncapi) =>
        Object.assign(at(messages(asyncapi), 'client.session.ping'), {
          'x-result': { $ref: '#/components/schemas/ChatSent' },
        }),
      'specs/asyncapi.yaml#/components/messages/client.session.ping: x-result without an ack',
    ],
    [
      'an operation without a name',
      (openapi) => delete at(openapi, 'paths', kick, 'post').operationId,
      `specs/openapi.yaml#/paths/${kick}/post: no operationId`,
    ],
    [
      'an operation that never succeeds',
      (openapi) => delete at(openapi, 'paths', kick, 'post', 'responses')['200'],
      `specs/openapi.yaml#/paths/${kick}/post: no status below 400`,
    ],
    [
      'an operation of two scopes',
      (openapi) =>
        Object.assign(at(openapi, 'paths', kick, 'post'), { security: [{ bearerAuth: ['a', 'b'] }] }),
      `specs/openapi.yaml#/paths/${kick}/post: more than one scope`,
    ],
    [
      'a limit without a name',
      (openapi) => delete at(openapi, 'paths', kick, 'post', 'x-rate-limit').name,
      `specs/openapi.yaml#/paths/${kick}/post/x-rate-limit: needs a name and a limit`,
    ],
    [
      'a limit whose window is no duration',
      (openapi) => Object.assign(at(openapi, 'paths', kick, 'post', 'x-rate-limit'), { window: '1 minute' }),
      `specs/openapi.yaml#/paths/${kick}/post/x-rate-limit/window: not in minutes and seconds: 1 minute`,
    ],
    [
      'a limit without a block',
      (openapi) => delete at(openapi, 'paths', kick, 'post', 'x-rate-limit').block,
      `specs/openapi.yaml#/paths/${kick}/post/x-rate-limit/block/min: not in minutes and seconds: undefined`,
    ],
  ])('%s', (_what, change, fault) => {
    expect(() => contractWith(change)).toThrow(ContractError);
    expect(() => contractWith(change)).toThrow(fault);
  });
});
