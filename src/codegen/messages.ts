import { type Contract, type Message, readLimit } from './contract.ts';
import { type JsonObject, objectAt } from './documents.ts';
import { writeTypes } from './schema-types.ts';
import { banner, comment, durations, literal, propertyName } from './write.ts';

/** Writes `messages.ts`: the types of every message, the message tables, and the type that handlers fill. */
export async function writeMessages({ asyncapi, messages }: Contract): Promise<string> {
  const { root } = asyncapi;
  const components = { schemas: objectAt(root, 'components', 'schemas') };
  const types = await writeTypes({ openapi: '3.1.0', info: root.info ?? {}, paths: {}, components });
  const client = messages.filter(({ direction }) => direction === 'client');
  const server = messages.filter(({ direction }) => direction === 'server');
  const closeCodes = objectAt(root, 'x-close-codes');
  return `${banner}${types}
/** What clients send, by type. */
export interface ClientPayloads {
${client.map((message) => writeEntry(message, message.payload)).join('\n')}
}

/** What the server sends, by type. */
export interface ServerPayloads {
${server.map((message) => writeEntry(message, message.payload)).join('\n')}
}

/** What a handler returns, by type: the payload of the reply; for an ack its \`result\`, or nothing. */
export interface ClientReplies {
${client.map((message) => `  ${propertyName(message.type)}: ${replyType(message, server)};`).join('\n')}
}

/** Names a message that clients send. */
export type ClientMessageType = keyof ClientPayloads;

/** Names a message that the server sends. */
export type ServerMessageType = keyof ServerPayloads;

/** A frame from a client. */
export type ClientMessage<T extends ClientMessageType = ClientMessageType> = {
  [K in T]: { type: K; id?: FrameId; payload: ClientPayloads[K] };
}[T];

/** A frame from the server. */
export type ServerMessage<T extends ServerMessageType = ServerMessageType> = {
  [K in T]: { type: K; ts: ServerTime; from?: ClientId; replyTo?: FrameId; payload: ServerPayloads[K] };
}[T];

/** One handler per client message: a missing, extra or mistyped one does not compile. \`Source\` is the payload as it was written. */
export type MessageHandlers<Sender, Source = unknown> = {
  readonly [T in ClientMessageType]: (sender: Sender, payload: ClientPayloads[T], source: Source) => ClientReplies[T] | Promise<ClientReplies[T]>;
};

/** The handlers of one namespace: \`signal\` for \`signal.offer\` and its like. */
export type MessageHandlersOf<Namespace extends string, Sender, Source = unknown> = Pick<MessageHandlers<Sender, Source>, Extract<ClientMessageType, \`\${Namespace}.\${string}\`>>;

/** Names a message that a client sends and its peer receives as it is, but for \`to\`. */
export type PassedMessageType = {
  [T in ClientMessageType & ServerMessageType]: Omit<ClientPayloads[T], 'to'> extends ServerPayloads[T]
    ? ServerPayloads[T] extends Omit<ClientPayloads[T], 'to'> ? T : never
    : never;
}[ClientMessageType & ServerMessageType];

type KeyOf<T> = T extends unknown ? keyof T : never;
type ItemOf<T> = T extends readonly (infer Item)[] ? Item : never;
type ValueOf<T, K> = T extends unknown ? (K extends keyof T ? T[K] : never) : never;

/** The names of what \`T\` has and \`Shape\` has not, however deep. */
type Surplus<T, Shape> = unknown extends Shape
  ? never
  : T extends object
    ? T extends Iterable<infer Item>
      ? Surplus<Item, ItemOf<Shape>>
      : { [K in keyof T]-?: K extends KeyOf<Shape> ? Surplus<T[K], ValueOf<Shape, K>> : K }[keyof T]
    : never;

/**
 * The handlers, unless there is one too many, or one that returns more than its reply has: TypeScript lets a
 * function return more than its type says. Written as \`handlers satisfies ExactHandlers<typeof handlers, ClientReplies>\`,
 * where \`handlers\` was not given a type that hides what it returns: use \`satisfies\` there too.
 */
export type ExactHandlers<Handlers, Replies> = {
  [T in keyof Handlers]: Handlers[T] extends (...given: never) => infer Returned
    ? T extends keyof Replies
      ? [Surplus<Awaited<Returned>, Replies[T]>] extends [never]
        ? Handlers[T]
        : { returnsMoreThanItsReply: Surplus<Awaited<Returned>, Replies[T]> }
      : { isNotInTheContract: T }
    : never;
};

/** What the contract says of a client message beside its shape. */
export interface ClientMessageRule {
  readonly channels: readonly Channel[];
  readonly volatile: boolean;
  /** The type of the message that answers it; \`undefined\`: none does. */
  readonly reply?: ServerMessageType;
  /** Whether it is answered even without an \`id\`, since it has none. */
  readonly alwaysReplies: boolean;
  /** Who may send it. */
  readonly roles: readonly Role[];
  /** The budget that it counts against; absent: none. */
  readonly rateClass?: RateClass;
  /** Whether sending it again under the same \`id\` carries it out again. */
  readonly read: boolean;
}

/** The client messages. */
export const clientMessages: { readonly [T in ClientMessageType]: ClientMessageRule } = {
${client.map(writeRule).join('\n')}
};

/** The server messages that may be dropped under pressure. */
export const volatileMessages: ReadonlySet<ServerMessageType> = new Set<ServerMessageType>(${literal(server.filter(({ volatile }) => volatile).map(({ type }) => type))});

/** The close codes, by name. 4000 to 4499: the client may reconnect; 4500 to 4999: it must not. */
export const closeCodes = ${literal(closeCodes)} as const;

/** Names a close code. */
export type CloseName = keyof typeof closeCodes;

/** When a session outlives its connection: what this one ended with. */
export const resume = ${literal(objectAt(root, 'x-resume'))} as const;

/** How fast a server that stops closes its sockets, and how long it keeps their sessions then. */
export const drain = ${literal(durations(objectAt(root, 'x-drain'), `${asyncapi.file}#/x-drain`))} as const;

/** What the server accepts from one socket. */
export const frameLimits = ${literal(objectAt(root, 'x-frame-limits'))} as const;

/** How much may wait for a client that reads slowly. */
export const sendQueue = ${literal(durations(objectAt(root, 'x-send-queue'), `${asyncapi.file}#/x-send-queue`))} as const;

/** When a live socket is warned of its token's end, and how long after it is closed. */
export const tokenLifetime = ${literal(durations(objectAt(root, 'x-token-lifetime'), `${asyncapi.file}#/x-token-lifetime`))} as const;

/** How many messages of a class one socket may send: so many a second, and so many at once. */
export const rateClasses = ${literal(objectAt(root, 'x-rate-classes'))} as const;

/** Names a budget. */
export type RateClass = keyof typeof rateClasses;

/** When a socket that goes on over its budget is closed, and how its client is kept out if it does it again. */
export const flood = ${literal(writeFlood(root, asyncapi.file))} as const;

/** The channels of a room. */
export const channels = ${literal(Object.keys(objectAt(root, 'channels')))} as const satisfies readonly Channel[];
`;
}

function writeFlood(root: JsonObject, file: string): object {
  const at = `${file}#/x-flood`;
  const { policy, ...rest } = objectAt(root, 'x-flood');
  return { ...durations(rest, at), policy: readLimit(objectAt(policy), `${at}/policy`) };
}

function writeEntry({ type, summary, description }: Message, value: string): string {
  return `${comment(`${summary}\n\n${description.trim()}`, '  ')}\n  ${propertyName(type)}: ${value};`;
}

function replyType({ reply, result }: Message, server: readonly Message[]): string {
  if (reply === 'ack' || reply === undefined) return result ?? 'undefined';
  return server.find(({ type }) => type === reply)?.payload ?? 'never';
}

function writeRule({ type, channels, volatile, reply, hasId, roles, rateClass, read }: Message): string {
  const rule = {
    channels,
    volatile,
    reply,
    alwaysReplies: !hasId && reply !== undefined,
    roles,
    rateClass,
    read,
  };
  return `  ${propertyName(type)}: ${literal(rule)},`;
}
