import {
  ContractError,
  isObject,
  type Json,
  type JsonObject,
  objectAt,
  refName,
  type SpecDocument,
} from './documents.ts';
import { milliseconds } from './write.ts';

/** How often a caller may use an operation, as `x-rate-limit` says it. */
export interface RateLimit {
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly block: { readonly minMs: number; readonly maxMs: number };
}

/** One operation of the OpenAPI document, as far as the generated tables need it. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly tag: string;
  /** `json` has a handler; `page` is a file or a redirect; `upgrade` opens a WebSocket. */
  readonly kind: 'json' | 'page' | 'upgrade';
  readonly auth: 'none' | 'token';
  readonly scope: string | undefined;
  readonly limit: RateLimit | undefined;
  readonly success: number;
  readonly body: boolean;
}

/** One message of the AsyncAPI document. */
export interface Message {
  /** Its name in the document, `client.` or `server.` before its type. */
  readonly key: string;
  readonly type: string;
  readonly direction: 'client' | 'server';
  readonly channels: readonly string[];
  readonly volatile: boolean;
  /** The schema of the whole frame. */
  readonly frame: JsonObject;
  /** The name of the schema of its `payload`. */
  readonly payload: string;
  /** The type of the message that answers it; `undefined`: none does. Client messages only. */
  readonly reply: string | undefined;
  /** The name of the schema of `result` in the ack that answers it, where it has one. */
  readonly result: string | undefined;
  readonly hasId: boolean;
  /** Who may send it. */
  readonly roles: readonly string[];
  /** The budget that it counts against; `undefined`: none. */
  readonly rateClass: string | undefined;
  /** Whether sending it again under the same `id` carries it out again. */
  readonly read: boolean;
  readonly summary: string;
  readonly description: string;
}

/** Both documents, read into the lists that the generated files are written from. */
export interface Contract {
  readonly openapi: SpecDocument;
  readonly asyncapi: SpecDocument;
  readonly operations: readonly Operation[];
  readonly messages: readonly Message[];
}

/** Reads the lists out of both documents; a document that contradicts itself is a {@link ContractError}. */
export function readContract(openapi: SpecDocument, asyncapi: SpecDocument): Contract {
  return { openapi, asyncapi, operations: readOperations(openapi), messages: readMessages(asyncapi) };
}

const methods = ['get', 'post', 'put', 'patch', 'delete'];

function readOperations({ file, root }: SpecDocument): Operation[] {
  return Object.entries(objectAt(root, 'paths')).flatMap(([path, item]) =>
    methods
      .filter((method) => isObject(objectAt(item)[method]))
      .map((method) =>
        readOperation(`${file}#/paths/${path}/${method}`, method, path, objectAt(item, method)),
      ),
  );
}

function readOperation(at: string, method: string, path: string, operation: JsonObject): Operation {
  const success = Object.keys(objectAt(operation, 'responses')).find((status) => Number(status) < 400);
  const security = Array.isArray(operation.security) ? operation.security : [];
  const scopes = security.flatMap((requirement) => Object.values(objectAt(requirement)).flat());
  if (typeof operation.operationId !== 'string') throw new ContractError(`${at}: no operationId`);
  if (success === undefined) throw new ContractError(`${at}: no status below 400`);
  if (scopes.length > 1) throw new ContractError(`${at}: more than one scope`);
  const content = Object.keys(objectAt(operation, 'responses', success, 'content'));
  const json = content.every((mediaType) => mediaType === 'application/json') && Number(success) < 300;
  return {
    id: operation.operationId,
    method,
    path,
    tag: Array.isArray(operation.tags) ? String(operation.tags[0]) : '',
    kind: success === '101' ? 'upgrade' : json ? 'json' : 'page',
    auth: security.length > 0 ? 'token' : 'none',
    scope: typeof scopes[0] === 'string' ? scopes[0] : undefined,
    limit: isObject(operation['x-rate-limit'])
      ? readLimit(operation['x-rate-limit'], `${at}/x-rate-limit`)
      : undefined,
    success: Number(success),
    body: 'requestBody' in operation,
  };
}

/** A rate limit policy, as `x-rate-limit` and `x-flood` write it. */
export function readLimit(rule: JsonObject, at: string): RateLimit {
  const { name, limit } = rule;
  if (typeof name !== 'string' || typeof limit !== 'number')
    throw new ContractError(`${at}: needs a name and a limit`);
  const block = objectAt(rule, 'block');
  return {
    name,
    limit,
    windowMs: milliseconds(rule.window, `${at}/window`),
    block: {
      minMs: milliseconds(block.min, `${at}/block/min`),
      maxMs: milliseconds(block.max, `${at}/block/max`),
    },
  };
}

function readMessages(document: SpecDocument): Message[] {
  const { file, root } = document;
  const replies = readReplies(document);
  return Object.entries(objectAt(root, 'components', 'messages')).map(([key, value]) => {
    const message = objectAt(value);
    const frame = objectAt(message, 'payload');
    const properties = objectAt(frame, 'properties');
    const type = String(message.name);
    const direction = key.startsWith('client.') ? 'client' : 'server';
    const at = `${file}#/components/messages/${key}`;
    if (key !== `${direction}.${type}`)
      throw new ContractError(`${at}: named ${type}; expected its key after client. or server.`);
    if (objectAt(properties, 'type').const !== type)
      throw new ContractError(`${at}: its type is not the constant ${type}`);
    const reply = replies.get(key);
    if (direction === 'client' && !replies.has(key))
      throw new ContractError(`${at}: no operation receives it`);
    if (direction === 'client' && reply === undefined && 'id' in properties)
      throw new ContractError(`${at}: takes an id, and no operation answers it`);
    if ('x-result' in message && reply !== 'ack')
      throw new ContractError(`${at}: x-result without an ack that could carry it`);
    return {
      key,
      type,
      direction,
      channels: (Array.isArray(message['x-channels']) ? message['x-channels'] : []).map(String),
      volatile: message['x-volatile'] === true,
      frame,
      payload: refName(objectAt(properties, 'payload').$ref, `${at}/payload/properties/payload`),
      reply,
      result:
        'x-result' in message ? refName(objectAt(message, 'x-result').$ref, `${at}/x-result`) : undefined,
      hasId: 'id' in properties,
      roles: readRoles(message['x-roles'], root, at),
      rateClass: readRateClass(message['x-rate-class'], root, at),
      read: message['x-read'] === true,
      summary: String(message.summary),
      description: String(message.description),
    };
  });
}

/** `x-roles` says who may send a message; without it everybody who is in the room. */
function readRoles(named: Json | undefined, root: JsonObject, at: string): readonly string[] {
  const known = objectAt(root, 'components', 'schemas', 'Role').enum;
  const roles = Array.isArray(known) ? known.map(String) : [];
  if (named === undefined) return roles.filter((role) => role !== 'waiting');
  if (Array.isArray(named) && named.length > 0 && named.every((role) => roles.includes(String(role)))) {
    return named.map(String);
  }
  throw new ContractError(`${at}: x-roles names none of ${roles.join(', ')}`);
}

function readRateClass(name: Json | undefined, root: JsonObject, at: string): string | undefined {
  if (name === undefined) return undefined;
  if (typeof name === 'string' && name in objectAt(root, 'x-rate-classes')) return name;
  throw new ContractError(`${at}: x-rate-class names none of x-rate-classes`);
}

/**
 * Which message answers which client message: the first reply of the operation that receives it; the others are
 * errors. One that is received and not answered has `undefined`.
 */
function readReplies({ file, root }: SpecDocument): Map<string, string | undefined> {
  const replies = new Map<string, string | undefined>();
  for (const [name, operation] of Object.entries(objectAt(root, 'operations'))) {
    const at = `${file}#/operations/${name}`;
    const { action, messages } = objectAt(operation);
    const side = action === 'receive' ? 'client.' : 'server.';
    const keys = refsOf(messages, `${at}/messages`);
    const stray = keys.find((key) => !key.startsWith(side));
    if (stray !== undefined) throw new ContractError(`${at}: ${String(action)}s ${stray}`);
    const [reply] = refsOf(objectAt(operation, 'reply').messages, `${at}/reply/messages`);
    if (action !== 'receive') continue;
    for (const key of keys) {
      const type = reply?.slice('server.'.length);
      if (replies.has(key) && replies.get(key) !== type)
        throw new ContractError(`${at}: answers ${key} by ${type}, another operation by ${replies.get(key)}`);
      replies.set(key, type);
    }
  }
  return replies;
}

/** The names that a list of `$ref`s points at; `at` is the list's place. */
export function refsOf(list: Json | undefined, at = 'messages'): string[] {
  return Array.isArray(list) ? list.map((item, index) => refName(objectAt(item).$ref, `${at}/${index}`)) : [];
}
