import { isObject, type JsonObject, objectAt } from '../../src/codegen/documents.ts';
import { milliseconds } from '../../src/codegen/write.ts';
import type { Header, ObservedRequest, ObservedResponse } from '../support/http-stream.ts';
import { readGenerated } from './checker.ts';
import { judgeResponse } from './responses.ts';
import { type DeclaredOperation, type DeclaredResponse, RestContract } from './rest-contract.ts';

const openapi = readGenerated('openapi');
const asyncapi = readGenerated('asyncapi');

/** The OpenAPI document, read once for all tests of the checker. */
export const rest = new RestContract(openapi);

const requestId = '0199c9f0-5d5e-7a31-8f52-0f1f4c3a9a10';

/** Headers that no `const` and no `example` of the document tells how to fill. */
const values: Readonly<Record<string, string>> = {
  'X-Request-Id': requestId,
  'WWW-Authenticate': 'Bearer error="invalid_token"',
  'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
  'Content-Security-Policy': "default-src 'self'",
  ETag: '"1"',
  Link: '</api/connections/active?limit=1&cursor=1>; rel="next"',
  'Access-Control-Allow-Origin': 'https://example.com',
  'Access-Control-Allow-Methods': 'GET, POST',
};

/** A request that belongs to an operation. */
export function sampleRequest(operation: DeclaredOperation): ObservedRequest {
  const [method = '', path = ''] = operation.name.split(' ');
  const target = path
    .replace('{channel}', 'zoom')
    .replace('{asset}', 'docs.js')
    .replaceAll(/\{\w+\}/g, 'ABC123');
  // Upgrades offer what has them answered with every header that they declare.
  const offer: Header = ['Sec-WebSocket-Protocol', 'signal.v1, bearer.x'];
  return { method, target, headers: path.startsWith('/ws/') ? [offer] : [] };
}

/** A response as the document declares it, made from the examples in it; one per media type. */
export function sampleResponses(
  declared: DeclaredResponse,
  operation?: DeclaredOperation,
): ObservedResponse[] {
  const status = Number(declared.status);
  const make = (mediaType: string | undefined, body: unknown): ObservedResponse => {
    const retryAfter = isObject(body) ? body.retryAfter : undefined;
    const limited = operation?.limit !== undefined || status === 429;
    const present = declared.headers.filter(
      ({ name, required }) => limited || required || !name.startsWith('RateLimit'),
    );
    const headers = present.map(({ name, schema }): Header => {
      if (name === 'Allow') return [name, (operation?.path.methods ?? ['GET']).join(', ')];
      if (name === 'Retry-After') return [name, String(retryAfter)];
      return [name, limitHeaders(operation)[name] ?? values[name] ?? String(schema.const)];
    });
    if (mediaType !== undefined) headers.push(['Content-Type', `${mediaType}; charset=utf-8`]);
    return {
      status,
      headers,
      body: Buffer.from(typeof body === 'string' ? body : (JSON.stringify(body) ?? '')),
    };
  };
  if (declared.content.size === 0) return [make(undefined, undefined)];
  return [...declared.content.keys()].map((type) => make(type, exampleBody(declared, operation, type)));
}

/** The first example of a message, by its key; a change to `undefined` takes a field away. */
export function sampleFrame(key: string, change: Readonly<Record<string, unknown>> = {}): JsonObject {
  const { examples } = objectAt(asyncapi, 'components', 'messages', key);
  const frame = objectAt(Array.isArray(examples) ? examples[0] : undefined).payload;
  return JSON.parse(JSON.stringify({ ...objectAt(frame), ...change }));
}

function exampleBody(
  declared: DeclaredResponse,
  operation: DeclaredOperation | undefined,
  type: string,
): unknown {
  const [method = '', path = ''] = operation?.name.split(' ') ?? [];
  const response =
    declared.shared === undefined
      ? objectAt(openapi, 'paths', path, method.toLowerCase(), 'responses', declared.status)
      : objectAt(openapi, 'components', 'responses', declared.shared);
  const [example] = Object.values(objectAt(response, 'content', type, 'examples'));
  return objectAt(example).value;
}

function limitHeaders(operation: DeclaredOperation | undefined): Readonly<Record<string, string>> {
  const { name = 'address-failures', limit = 300, window = 'PT1M' } = operation?.limit ?? {};
  return {
    'RateLimit-Policy': `"${name}";q=${limit};w=${milliseconds(window) / 1000}`,
    RateLimit: `"${name}";r=7;t=41`,
    'RateLimit-Limit': String(limit),
    'RateLimit-Remaining': '7',
    'RateLimit-Reset': '41',
  };
}

/** An operation by its name. */
export function operation(name: string): DeclaredOperation {
  const found = rest.operations.find((one) => one.name === name);
  if (!found) throw new Error(`no operation ${name}`);
  return found;
}

/** A request and a response to it that is as declared, which a test then spoils. */
export function sample(
  name: string,
  status: string,
): { request: ObservedRequest; response: ObservedResponse } {
  const declared = operation(name).responses.get(status);
  const [response] = declared ? sampleResponses(declared, operation(name)) : [];
  if (!response) throw new Error(`${name} declares no ${status}`);
  return { request: sampleRequest(operation(name)), response };
}

/** The response without some headers. */
export function without(response: ObservedResponse, ...names: string[]): ObservedResponse {
  return { ...response, headers: response.headers.filter(([name]) => !names.includes(name)) };
}

/** The response with a header set. */
export function having(response: ObservedResponse, name: string, value: string): ObservedResponse {
  return { ...response, headers: [...without(response, name).headers, [name, value]] };
}

/** The response with another body. */
export function saying(response: ObservedResponse, change: (body: JsonObject) => unknown): ObservedResponse {
  const body = change(objectAt(JSON.parse(response.body.toString())));
  return { ...response, body: Buffer.from(JSON.stringify(body)) };
}

/** What the checker says to a response. */
export function faultsOf(
  request: ObservedRequest | undefined,
  response: ObservedResponse,
): readonly string[] {
  return judgeResponse(rest, request, response).faults;
}
