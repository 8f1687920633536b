import { type Json, type JsonObject, objectAt, refName } from '../../src/codegen/documents.ts';
import { closeFact, codeFact, type Fact, messageFact, transcriptFact } from './facts.ts';
import { type DeclaredError, readErrors } from './rest-contract.ts';
import { ClosedSchemas } from './schemas.ts';

/** One message of the AsyncAPI document. */
export interface DeclaredMessage {
  /** `client.` or `server.` before its type. */
  readonly key: string;
  readonly type: string;
  readonly frame: JsonObject;
  /** Whether it may be dropped, and so is not counted. */
  readonly volatile: boolean;
  /** The schema of `result` in the ack that answers it, where it has one. */
  readonly result: JsonObject | undefined;
}

/** One channel: which messages it carries, and what answers what. */
export interface DeclaredChannel {
  readonly name: string;
  readonly client: ReadonlyMap<string, DeclaredMessage>;
  readonly server: ReadonlyMap<string, DeclaredMessage>;
  /** Types of the answers that a client message may get, by its type. */
  readonly replies: ReadonlyMap<string, readonly string[]>;
  /** Types that the server may send unasked. */
  readonly events: ReadonlySet<string>;
}

/** What a frame may hold at most; anything more is refused or ends the connection. */
export interface FrameLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  readonly maxKeys: number;
}

/** The AsyncAPI document, as the checker reads it. */
export class SocketContract {
  readonly schemas: ClosedSchemas;
  readonly errors: ReadonlyMap<string, DeclaredError>;
  /** Name by code. */
  readonly closeCodes: ReadonlyMap<number, string>;
  /** With these a session may go on elsewhere. */
  readonly resumable: ReadonlySet<number>;
  readonly limits: FrameLimits;
  readonly frameId: JsonObject;
  /** Every type that some channel takes from clients. */
  readonly clientTypes: ReadonlySet<string>;
  readonly #messages: ReadonlyMap<string, DeclaredMessage>;
  readonly #channels: readonly (readonly [pattern: RegExp, channel: DeclaredChannel])[];

  constructor(root: JsonObject) {
    this.schemas = new ClosedSchemas(root);
    this.errors = readErrors(root);
    const codes = Object.entries(objectAt(root, 'x-close-codes'));
    this.closeCodes = new Map(codes.map(([name, code]) => [Number(code), name]));
    const { codes: resumable } = objectAt(root, 'x-resume');
    this.resumable = new Set([resumable, objectAt(root, 'x-close-codes').replaced].flat().map(Number));
    const { maxBytes, maxDepth, maxKeys } = objectAt(root, 'x-frame-limits');
    this.limits = { maxBytes: Number(maxBytes), maxDepth: Number(maxDepth), maxKeys: Number(maxKeys) };
    this.frameId = objectAt(root, 'components', 'schemas', 'FrameId');
    this.#messages = readMessages(root);
    const client = [...this.#messages.values()].filter(({ key }) => key.startsWith('client.'));
    this.clientTypes = new Set(client.map(({ type }) => type));
    this.#channels = Object.entries(objectAt(root, 'channels')).map(([name, channel]) => [
      new RegExp(`^${String(objectAt(channel).address).replaceAll(/\{\w+\}/g, '[^/]+')}$`),
      this.#readChannel(root, name),
    ]);
  }

  /** The channel that an upgrade request addressed. */
  channelAt(target: string): DeclaredChannel | undefined {
    const path = target.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/)[0] ?? '';
    return this.#channels.find(([pattern]) => pattern.test(path))?.[1];
  }

  /** Everything that the document declares and a test run must provoke. */
  facts(): Fact[] {
    const codes = [...this.errors].filter(([, { socket }]) => socket);
    return [
      ...[...this.#messages.keys()].flatMap((key) => [messageFact(key), transcriptFact(key)]),
      ...codes.map(([code]) => codeFact(code, 'sockets')),
      ...[...this.closeCodes].map(([code, name]) => closeFact(code, name)),
    ];
  }

  #readChannel(root: JsonObject, name: string): DeclaredChannel {
    const listed = Object.keys(objectAt(root, 'channels', name, 'messages'));
    const messages = listed.flatMap((key) => this.#messages.get(key) ?? []);
    const side = (direction: string) =>
      new Map(
        messages.filter(({ key }) => key.startsWith(direction)).map((message) => [message.type, message]),
      );
    const operations = Object.values(objectAt(root, 'operations')).filter(
      (operation) => refName(objectAt(operation, 'channel').$ref) === name,
    );
    const replies = new Map<string, string[]>();
    const events = new Set<string>();
    for (const operation of operations) {
      const types = typesOf(objectAt(operation).messages);
      for (const type of types) {
        if (objectAt(operation).action === 'send') events.add(type);
        else replies.set(type, typesOf(objectAt(operation, 'reply').messages));
      }
    }
    return { name, client: side('client.'), server: side('server.'), replies, events };
  }
}

function readMessages(root: JsonObject): Map<string, DeclaredMessage> {
  return new Map(
    Object.entries(objectAt(root, 'components', 'messages')).map(([key, value]) => {
      const message = objectAt(value);
      const result = 'x-result' in message ? objectAt(message, 'x-result') : undefined;
      const volatile = message['x-volatile'] === true;
      return [
        key,
        { key, type: String(message.name), frame: objectAt(message, 'payload'), volatile, result },
      ];
    }),
  );
}

/** The types of the messages that a list of `$ref`s points at: `#/channels/zoom/messages/server.ack` is `ack`. */
function typesOf(list: Json | undefined): string[] {
  return Array.isArray(list) ? list.map((item) => refName(objectAt(item).$ref).replace(/^\w+\./, '')) : [];
}
