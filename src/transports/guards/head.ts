import type { IncomingMessage } from 'node:http';
import { httpLimits } from '../../../generated/operations.ts';
import { SignalboxError } from '../../rooms/errors.ts';

const requestIdPattern = /^[A-Za-z0-9_.:-]{1,128}$/;

/** The id of a request: the client's `X-Request-Id` where it is well formed, else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && requestIdPattern.test(given) ? given : crypto.randomUUID();
}

/**
 * Refuses a request whose headers cannot be trusted to say one thing.
 *
 * Counted in the raw list: Node drops headers past a number without a word, and joins those that repeat.
 */
export function checkHead(request: IncomingMessage): void {
  const { maxHeaders } = httpLimits;
  if (request.rawHeaders.length > 2 * maxHeaders) {
    throw new SignalboxError('headers_too_large', `The request has more than ${maxHeaders} headers.`);
  }
  if (rawValues(request, 'host').length !== 1) {
    throw new SignalboxError('bad_request', 'The request must have one Host header.');
  }
}

/** Every value of a header, as it was sent. */
export function rawValues(request: IncomingMessage, name: string): string[] {
  return request.rawHeaders.filter(
    (_value, index, headers) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === name,
  );
}

/** The path of a request, not decoded, without its query. */
export function rawPathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

/** The query of a request. */
export function queryOf(request: IncomingMessage): URLSearchParams {
  return new URLSearchParams((request.url ?? '').slice(rawPathOf(request).length));
}
