import { type ServerResponse, STATUS_CODES } from 'node:http';
import { type Duplex, finished } from 'node:stream';
import { type ErrorCode, errors } from '../../generated/errors.ts';
import type { components } from '../../generated/rest.ts';
import { SignalboxError } from '../rooms/errors.ts';

/** The body of a refused request (RFC 9457). */
export type Problem = components['schemas']['Problem'];

/** A refusal, ready to be written. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly problem: Problem;
}

/** How soon to come back after `draining` or `auth_unavailable`: another server, or the next try for the keys. */
const unavailableRetryMs = 5_000;
/** How long a client may take to read a refusal and to end its side, before its connection is cut or goes on without it. */
const lingerMs = 1_000;

/**
 * What an error is answered with. Anything but a {@link SignalboxError} is `internal`, and tells nothing of
 * itself: the caller logs it.
 */
export function toRefusal(error: unknown, requestId: string): Refusal {
  const known = error instanceof SignalboxError ? error : undefined;
  const code: ErrorCode = known?.code ?? 'internal';
  const { status = 500, title } = errors[code];
  const {
    retryAfterMs = status === 503 ? unavailableRetryMs : undefined,
    headers,
    block,
    bannedUntil,
    errors: faults,
  } = known?.details ?? {};
  const retryAfter = retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1000);
  return {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      'X-Request-Id': requestId,
      ...(status === 401 && { 'WWW-Authenticate': challenge(code) }),
      ...(status === 426 && { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' }), // RFC 6455, section 4.4
      ...(status === 429 && { 'Cache-Control': 'no-store' }),
      ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
      ...headers,
    },
    problem: {
      type: `urn:signalbox:problem:${code}`,
      title,
      status,
      detail: known?.message ?? 'The server failed to answer this request.',
      code,
      requestId,
      ...(faults && { errors: [...faults] }),
      ...(retryAfter !== undefined && { retryAfter }),
      ...block,
      ...(bannedUntil !== undefined && { bannedUntil }),
    },
  };
}

/** RFC 6750, section 3: a request without a token is told only that it needs one. */
function challenge(code: ErrorCode): string {
  return code === 'unauthenticated' ? 'Bearer realm="signalbox"' : 'Bearer error="invalid_token"';
}

/**
 * Writes a refusal as the whole response. Whoever still sends the body of the request may end sending first: the
 * connection may be about to close, and what is left unread then would reset it, and the answer with it (RFC 9112,
 * section 9.6).
 */
export function writeRefusal(response: ServerResponse, { status, headers, problem }: Refusal): void {
  const body = JSON.stringify(problem);
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
  response.write(body);
  const { req: request } = response;
  const end = () => {
    clearTimeout(deadline);
    response.end();
  };
  const deadline = setTimeout(end, lingerMs);
  finished(request, { writable: false }, end);
  request.resume();
}

/**
 * Writes a refusal to a connection that HTTP has let go of, since its request is broken or asks for another
 * protocol, and ends the connection, whether or not the client ends its side.
 */
export function endWithRefusal(socket: Duplex, refusal: Refusal): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(toBytes(refusal));
  socket.resume(); // what is left unread would reset the connection, and the answer with it
  const deadline = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(deadline));
}

function toBytes({ status, headers, problem }: Refusal): string {
  const body = JSON.stringify(problem);
  const lines = Object.entries({
    ...headers,
    Date: new Date().toUTCString(),
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`;
}
