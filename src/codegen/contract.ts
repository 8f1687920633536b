import {
  ContractError,
  isObject,
  type Json,
  type JsonObject,
  objectAt,
  refName,
  type SpecDocument,
} from './documents.ts';

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
  readonly limit: JsonObject | undefined;
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
  /** The type of the message that answers it; client messages only. */
  readonly reply: string;
  /** The name of the schema of `result` in the ack that answers it, where it has one. */
  readonly result: string | undefined;
  readonly idRequired: boolean;
  readonly hasId: boolean;
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

function readOperations({ root }: SpecDocument): Operation[] {
  return Object.entries(objectAt(root, 'paths')).flatMap(([path, item]) =>
    methods
      .filter((method) => isObject(objectAt(item)[method]))
      .map((method) => readOperation(method, path, objectAt(item, method))),
  );
}

function readOperation(method: string, path: string, operation: JsonObject): Operation {
  const success = Object.keys(objectAt(operation, 'responses')).find((status) => Number(status) < 400);
  const security = Array.isArray(operation.security) ? operation.security : [];
  const scopes = security.flatMap((requirement) => Object.values(objectAt(requirement)).flat());
  if (success === undefined) throw new ContractError(`${method} ${path}: no status below 400`);
  if (scopes.length > 1) throw new ContractError(`${method} ${path}: more than one scope`);
  const content = Object.keys(objectAt(operation, 'responses', success, 'content'));
  const json = content.every((mediaType) => mediaType === 'application/json') && Number(success) < 300;
  return {
    id: String(operation.operationId),
    method,
    path,
    tag: Array.isArray(operation.tags) ? String(operation.tags[0]) : '',
    kind: success === '101' ? 'upgrade' : json ? 'json' : 'page',
    auth: security.length > 0 ? 'token' : 'none',
    scope: typeof scopes[0] === 'string' ? scopes[0] : undefined,
    limit: isObject(operation['x-rate-limit']) ? operation['x-rate-limit'] : undefined,
    success: Number(success),
    body: 'requestBody' in operation,
  };
}

function readMessages({ file, root }: SpecDocument): Message[] {
  const replies = readReplies(root);
  return Object.entries(objectAt(root, 'components', 'messages')).map(([key, value]) => {
    const message = objectAt(value);
    const frame = objectAt(message, 'payload');
    const type = String(message.name);
    const direction = key.startsWith('client.') ? 'client' : 'server';
    const at = `${file}#/components/messages/${key}`;
    if (key !== `${direction}.${type}`)
      throw new ContractError(`${at}: named ${type}; expected its key after client. or server.`);
    if (objectAt(frame, 'properties', 'type').const !== type)
      throw new ContractError(`${at}: its type is not the constant ${type}`);
    const required = Array.isArray(frame.required) ? frame.required : [];
    const reply = replies.get(key) ?? '';
    if (direction === 'client' && reply === '') throw new ContractError(`${at}: no operation receives it`);
    return {
      key,
      type,
      direction,
      channels: (Array.isArray(message['x-channels']) ? message['x-channels'] : []).map(String),
      volatile: message['x-volatile'] === true,
      frame,
      payload: refName(objectAt(frame, 'properties', 'payload').$ref),
      reply,
      result: 'x-result' in message ? refName(objectAt(message, 'x-result').$ref) : undefined,
      idRequired: required.includes('id'),
      hasId: 'id' in objectAt(frame, 'properties'),
      summary: String(message.summary),
      description: String(message.description),
    };
  });
}

/** Which message answers which: the first reply of the operation that receives it; the others are errors. */
function readReplies(root: JsonObject): Map<string, string> {
  const replies = new Map<string, string>();
  for (const operation of Object.values(objectAt(root, 'operations'))) {
    if (objectAt(operation).action !== 'receive') continue;
    const reply = refsOf(objectAt(operation, 'reply').messages)[0] ?? 'server.';
    for (const key of refsOf(objectAt(operation).messages)) replies.set(key, reply.slice('server.'.length));
  }
  return replies;
}

/** The names that a list of `$ref`s points at. */
export function refsOf(list: Json | undefined): string[] {
  return Array.isArray(list) ? list.map((item) => refName(objectAt(item).$ref)) : [];
}
