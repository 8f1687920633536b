import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { SignalboxError } from '../../rooms/errors.ts';
import { rawValues } from './head.ts';

/** Which pages may use the server. */
export interface OriginPolicy {
  /**
   * As browsers spell them; `*.` at the start of a host stands for exactly one label. `undefined` allows pages
   * from the host that the request was sent to.
   */
  readonly allowed: readonly string[] | undefined;
  /** Whether pages served from this machine may use it too, where `allowed` is undefined. */
  readonly development: boolean;
  /** Whether an upgrade without an `Origin` is refused: browsers send one, command-line clients do not. */
  readonly requiredOnUpgrade: boolean;
}

/**
 * Refuses what a page of another site sends (`origin_not_allowed`).
 *
 * No cookie is ever a credential here, so this is a second line; it keeps a page that got hold of a token from
 * using it from elsewhere. The value `null` (a sandboxed frame, a file) never passes.
 */
export function checkOrigin(request: IncomingMessage, policy: OriginPolicy): void {
  const [origin, ...more] = rawValues(request, 'origin');
  if (
    origin === undefined
      ? !(policy.requiredOnUpgrade && isUpgrade(request))
      : more.length === 0 && isAllowed(origin, request, policy)
  )
    return;
  throw new SignalboxError(
    'origin_not_allowed',
    origin === undefined ? 'The request has no Origin.' : 'The Origin of the request is not allowed.',
  );
}

/** On plain requests nothing follows from a lacking `Origin`: pages of the same host send none with a GET. */
function isUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

function isAllowed(origin: string, request: IncomingMessage, policy: OriginPolicy): boolean {
  const url = URL.parse(origin);
  // Only an origin that is spelled as browsers spell it: no path, no user, no default port, lower case.
  if (url === null || url.origin !== origin || !/^https?:$/.test(url.protocol)) return false;
  if (policy.allowed !== undefined) return policy.allowed.some((entry) => matches(entry, origin));
  return url.host === request.headers.host?.toLowerCase() || (policy.development && isLoopback(url.hostname));
}

/**
 * An entry of {@link OriginPolicy.allowed} as an operator writes it, in the spelling of browsers; `undefined` where
 * it is none. Its parts are taken apart before `URL` sees them: it would forgive a path, a backslash or a tab.
 */
export function readAllowedOrigin(entry: string): string | undefined {
  const [, scheme = '', wildcard = '', host = ''] =
    /^(https?:\/\/)(\*\.)?([^\s/\\?#@*]+)$/i.exec(entry) ?? [];
  return URL.parse(scheme + host)?.origin.replace('://', `://${wildcard}`);
}

function matches(entry: string, origin: string): boolean {
  const [before, after] = entry.split('*');
  if (after === undefined) return entry === origin;
  const label = origin.slice(before?.length, -after.length);
  return origin === `${before}${label}${after}` && /^[a-z0-9-]+$/.test(label);
}

/** Whether a host, as a URL or as a setting writes it, is this machine. */
export function isLoopback(host: string): boolean {
  return ['localhost', '::1', '[::1]'].includes(host) || (isIP(host) === 4 && host.startsWith('127.'));
}
