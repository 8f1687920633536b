import { connect } from 'node:net';
import { ByteFeed, type Parser } from './byte-feed.ts';
import { readBody, readResponseHead } from './http-stream.ts';
import { atScopeEnd } from './scope.ts';

/** A response as a test looks at it. */
export interface RawResponse {
  readonly status: number;
  /** By lower-case name; repeated ones joined with commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed where it is JSON. */
  readonly body: unknown;
}

/** Headers of a request; one given as `undefined` is left out, a list comes out as several lines. */
export type RawHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** How a raw request is sent. */
export interface RawOptions {
  /** The loopback address to come from. */
  readonly from?: string;
  readonly withinMs?: number;
}

/** Sends bytes as they are over a TCP connection of their own, and reads one response. */
export function exchange(
  { port }: { readonly port: number },
  bytes: string | Buffer,
  { from = '127.0.0.1', withinMs = 5000 }: RawOptions = {},
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from });
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
      socket.destroy();
    };
    const fail = (why: string): void => settle(() => reject(new Error(`no response: ${why}`)));
    const timer = setTimeout(() => fail(`${withinMs} ms went by`), withinMs);
    const feed = new ByteFeed(readResponse((response) => settle(() => resolve(response))));
    const read = (act: () => void): void => {
      try {
        act();
      } catch (error) {
        fail(String(error));
      }
    };
    atScopeEnd(() => socket.destroy());
    socket.on('data', (chunk) => read(() => feed.push(chunk)));
    socket.on('end', () => {
      read(() => feed.end());
      fail('the connection ended');
    });
    socket.on('error', (error) => fail(error.message));
    socket.write(bytes);
  });
}

/** Asks for a WebSocket by hand, which is how to see why one is refused. */
export function upgrade(
  server: { readonly port: number },
  path: string,
  headers: RawHeaders = {},
  options?: RawOptions,
): Promise<RawResponse> {
  const handshake: RawHeaders = {
    Host: `127.0.0.1:${server.port}`,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const lines = Object.entries(handshake).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${one}\r\n`),
  );
  return exchange(server, `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, options);
}

function* readResponse(done: (response: RawResponse) => void): Parser {
  const { status, headers } = yield* readResponseHead();
  const bodiless = [101, 204, 304].includes(status);
  const text = bodiless ? '' : (yield* readBody(headers, 'response')).toString('utf8');
  const byName: Record<string, string> = {};
  for (const [name, value] of headers) {
    const before = byName[name.toLowerCase()];
    byName[name.toLowerCase()] = before === undefined ? value : `${before}, ${value}`;
  }
  const isJson = /[/+]json\b/.test(byName['content-type'] ?? '');
  done({ status, headers: byName, body: isJson ? JSON.parse(text) : text });
}
