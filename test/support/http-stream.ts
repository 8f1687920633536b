import { type Parser, StreamFault } from './byte-feed.ts';

/** One header line, as it was spelt. */
export type Header = readonly [name: string, value: string];

/** The head of a request, as it came over the wire. */
export interface ObservedRequest {
  readonly method: string;
  /** What stands between the method and the version, untouched. */
  readonly target: string;
  readonly headers: readonly Header[];
}

/** A response, as it came over the wire. */
export interface ObservedResponse {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: Buffer;
}

/** The values of a header, one per line that carries it. */
export function headerValues(headers: readonly Header[], name: string): string[] {
  const wanted = name.toLowerCase();
  return headers.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
}

/** Reads the head of a request. */
export function* readRequestHead(): Parser<ObservedRequest> {
  let line = yield 'line';
  while (line.length === 0) line = yield 'line'; // RFC 9112, section 2.2: empty lines before it are skipped
  const [, method, target] = /^(\S+) (\S+) HTTP\/1\.[01]$/.exec(line.toString('latin1')) ?? [];
  if (method === undefined || target === undefined) throw new StreamFault(`not a request line: ${line}`);
  return { method, target, headers: yield* readHeaders() };
}

/** Reads the head of a response; `begun` is called once its first line is there. */
export function* readResponseHead(begun?: () => void): Parser<Omit<ObservedResponse, 'body'>> {
  const line = yield 'line';
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(`${line.toString('latin1')} `) ?? [];
  if (status === undefined) throw new StreamFault(`not a status line: ${line.toString('latin1')}`);
  begun?.();
  return { status: Number(status), headers: yield* readHeaders() };
}

function* readHeaders(): Parser<Header[]> {
  const headers: Header[] = [];
  for (;;) {
    const line = (yield 'line').toString('latin1');
    if (line === '') return headers;
    const [, name, value] = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new StreamFault(`not a header line: ${line}`);
    headers.push([name, value]);
  }
}

/** Reads the body of a message that can have one. Only a response may go on to the end of the stream. */
export function* readBody(headers: readonly Header[], of: 'request' | 'response'): Parser<Buffer> {
  const codings = headerValues(headers, 'transfer-encoding');
  const lengths = headerValues(headers, 'content-length');
  if (codings.length > 0 && lengths.length > 0) {
    throw new StreamFault('both Transfer-Encoding and Content-Length');
  }
  if (codings.length > 0) {
    if (codings.join().toLowerCase() !== 'chunked') throw new StreamFault(`Transfer-Encoding: ${codings}`);
    return yield* readChunks();
  }
  if (lengths.length > 0) {
    if (!/^\d+$/.test(lengths.join())) throw new StreamFault(`Content-Length: ${lengths}`);
    return yield Number(lengths[0]);
  }
  return of === 'response' ? yield* readRest() : Buffer.alloc(0);
}

function* readChunks(): Parser<Buffer> {
  const chunks: Buffer[] = [];
  for (;;) {
    const line = (yield 'line').toString('latin1');
    const [, size] = /^([\da-f]+)\s*(?:;.*)?$/i.exec(line) ?? [];
    if (size === undefined) throw new StreamFault(`not a chunk size: ${line}`);
    if (Number.parseInt(size, 16) === 0) break;
    chunks.push(yield Number.parseInt(size, 16));
    if ((yield 'line').length > 0) throw new StreamFault('a chunk longer than its size');
  }
  yield* readHeaders(); // trailers
  return Buffer.concat(chunks);
}

function* readRest(): Parser<Buffer> {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = yield 'some';
    if (chunk.length === 0) return Buffer.concat(chunks);
    chunks.push(chunk);
  }
}
