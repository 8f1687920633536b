import type { JsonObject } from '../../src/codegen/documents.ts';
import { milliseconds } from '../../src/codegen/write.ts';
import { type Header, headerValues } from '../support/http-stream.ts';
import type { DeclaredHeader, DeclaredOperation, DeclaredResponse, RestContract } from './rest-contract.ts';

/** Headers that tell a client what to do next: never there unless the response declares them. */
const meaningful =
  /^(ratelimit.*|signalbox-.*|retry-after|www-authenticate|allow|location|set-cookie|upgrade)$/i;

/** What is wrong with the headers of a response. */
export function headerFaults(
  contract: RestContract,
  declared: DeclaredResponse,
  headers: readonly Header[],
): string[] {
  const faults = declared.headers.flatMap((header) => valueFaults(contract, header, headers));
  for (const [name] of headers) {
    const known = declared.headers.some((header) => header.name.toLowerCase() === name.toLowerCase());
    if (!known && meaningful.test(name)) faults.push(`undeclared header ${name}`);
  }
  // The document promises it on every response, so one that forgets to declare it is wrong too.
  if (!declared.headers.some(({ name }) => name === 'X-Request-Id'))
    faults.push('X-Request-Id is not declared');
  return faults;
}

function valueFaults(
  contract: RestContract,
  { name, required, schema }: DeclaredHeader,
  headers: readonly Header[],
): string[] {
  const values = headerValues(headers, name);
  const [value] = values;
  if (value === undefined) return required ? [`header ${name} is missing`] : [];
  if (values.length > 1) return [`header ${name} is there ${values.length} times`];
  const typed = schema.type === 'integer' && /^-?\d+$/.test(value) ? Number(value) : value;
  return contract.schemas.faults(schema, typed).map((fault) => `header ${name}: ${value}: ${fault}`);
}

/**
 * Where the headers of a rate limit contradict the operation's policy, or each other. Some responses may come
 * with or without them, but then with all or with none. A 429 may also come of a limit that belongs to no operation:
 * on bad credentials, whose quota is a setting, and on floods of messages, which is declared beside those.
 */
export function rateLimitFaults(
  operation: DeclaredOperation | undefined,
  status: number,
  headers: readonly Header[],
): string[] {
  if (!headers.some(([name]) => /^ratelimit/i.test(name))) return [];
  const value = (name: string): string => headerValues(headers, name)[0] ?? 'absent';
  const [, policy, quota] = /^"([a-z-]+)";q=(\d+);w=60$/.exec(value('RateLimit-Policy')) ?? [];
  const { name, limit, window } = operation?.limit ?? {};
  const ofCaller = status === 429 && (policy === 'address-failures' || policy === 'socket-floods');
  if (!ofCaller && name === undefined) return ['headers of a rate limit where there is none'];
  const expected: JsonObject = {
    ...(!ofCaller && { 'RateLimit-Policy': `"${name}";q=${limit};w=${milliseconds(window) / 1000}` }),
    'RateLimit-Limit': ofCaller ? (quota ?? '') : String(limit),
    RateLimit: `"${ofCaller ? policy : name}";r=${value('RateLimit-Remaining')};t=${value('RateLimit-Reset')}`,
  };
  return Object.entries(expected)
    .filter(([header, wanted]) => value(header) !== wanted)
    .map(([header, wanted]) => `header ${header}: ${value(header)} should be ${wanted}`);
}

/** Where `Allow` is not what the document says of the path. */
export function allowFaults(methods: readonly string[], headers: readonly Header[]): string[] {
  const [value = ''] = headerValues(headers, 'allow');
  const allowed = value.split(',').map((method) => method.trim());
  const odd = new Set([...allowed, ...methods].filter((m) => m !== 'HEAD' && m !== 'OPTIONS'));
  const wrong = [...odd].filter((method) => allowed.includes(method) !== methods.includes(method));
  return wrong.length > 0 ? [`header Allow: ${value} should name ${methods.join(', ') || 'nothing'}`] : [];
}

/** Where a well-formed request id of the client did not come back. */
export function requestIdFaults(
  declared: DeclaredResponse,
  sent: readonly Header[],
  headers: readonly Header[],
): string[] {
  const [id, ...more] = headerValues(sent, 'x-request-id');
  const pattern = declared.headers.find(({ name }) => name === 'X-Request-Id')?.schema.pattern;
  if (id === undefined || more.length > 0 || typeof pattern !== 'string') return [];
  if (!new RegExp(pattern).test(id) || headerValues(headers, 'x-request-id')[0] === id) return [];
  return [`header X-Request-Id: not the client's, ${id}`];
}

/** Where `Sec-WebSocket-Protocol` or extensions are not what was offered and promised. */
export function upgradeFaults(sent: readonly Header[], headers: readonly Header[]): string[] {
  const offered = headerValues(sent, 'sec-websocket-protocol').flatMap((value) => value.split(/\s*,\s*/));
  const [chosen] = headerValues(headers, 'sec-websocket-protocol');
  const faults: string[] = [];
  if ((chosen !== undefined) !== offered.includes('signal.v1')) {
    faults.push(
      `Sec-WebSocket-Protocol: ${chosen ?? 'none'} where the client offered ${offered.length} others`,
    );
  }
  if (headerValues(headers, 'sec-websocket-extensions').length > 0)
    faults.push('an extension was negotiated');
  return faults;
}
