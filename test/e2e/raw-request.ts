import { exchange, type RawHeaders, type RawOptions, type RawResponse } from '../support/raw.ts';

/** A raw request: its path is sent as it stands, whatever a client library would make of it. */
export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  /** One given as `undefined` is left out, a list comes out as several lines. */
  readonly headers?: RawHeaders;
  readonly body?: string;
}

/** Sends a request that no client library would, and reads its response. */
export function send(
  server: { readonly port: number },
  { method = 'GET', path, headers = {}, body }: RawRequest,
  options?: RawOptions,
): Promise<RawResponse> {
  const all: RawHeaders = {
    Host: `127.0.0.1:${server.port}`,
    ...(body !== undefined && {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(body)),
    }),
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${one}\r\n`),
  );
  return exchange(server, `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`, options);
}

/** What a test compares of a refusal: the status and the code of the problem, as `403 origin_not_allowed`. */
export function outcome({ status, body }: RawResponse): string {
  const code = typeof body === 'object' && body !== null && 'code' in body ? ` ${String(body.code)}` : '';
  return `${status}${code}`;
}
