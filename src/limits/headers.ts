import type { LimitPolicy } from './policy.ts';

/** What the headers tell of a verdict. */
type Standing =
  | { readonly allowed: true; readonly limit: number; readonly remaining: number; readonly resetMs: number }
  | { readonly allowed: false; readonly limit: number; readonly retryAfterMs: number };

/**
 * The response headers that tell a caller where it stands: `RateLimit-Policy` and `RateLimit` as in
 * draft-ietf-httpapi-ratelimit-headers, the older trio that today's clients read, and `Retry-After` on a
 * refusal.
 *
 * Integers, seconds rounded up: waiting the stated time is always enough.
 *
 * @example
 * limitHeaders(policy, verdict)
 * // { 'RateLimit-Policy': '"connections-active";q=30;w=60',
 * //   RateLimit: '"connections-active";r=12;t=41', 'RateLimit-Limit': '30', … }
 */
export function limitHeaders(
  { name, limit, windowMs }: Pick<LimitPolicy, 'name' | 'limit' | 'windowMs'>,
  verdict: Standing,
): Record<string, string> {
  const remaining = verdict.allowed ? verdict.remaining : 0;
  const seconds = wholeSeconds(verdict.allowed ? verdict.resetMs : verdict.retryAfterMs);
  return {
    'RateLimit-Policy': `"${name}";q=${limit};w=${wholeSeconds(windowMs)}`,
    RateLimit: `"${name}";r=${remaining};t=${seconds}`,
    'RateLimit-Limit': `${verdict.limit}`,
    'RateLimit-Remaining': `${remaining}`,
    'RateLimit-Reset': `${seconds}`,
    ...(verdict.allowed ? {} : { 'Retry-After': `${seconds}` }),
  };
}

function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
