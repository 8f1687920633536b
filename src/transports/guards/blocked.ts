import type { RateLimit } from '../../../generated/operations.ts';
import { limitHeaders } from '../../limits/headers.ts';
import type { LimitRefusal } from '../../limits/policy.ts';
import { SignalboxError } from '../../rooms/errors.ts';

/** Refuses who is blocked, with the block and its headers; lets pass who is not. */
export function refuseBlocked(policy: RateLimit, refusal: LimitRefusal | undefined): void {
  if (refusal === undefined) return;
  const { retryAfterMs, level } = refusal;
  const blockedUntil = new Date(refusal.blockedUntil).toISOString();
  throw new SignalboxError(
    'rate_limited',
    `Too many requests; blocked for ${Math.ceil(retryAfterMs / 1000)} seconds.`,
    {
      retryAfterMs,
      headers: limitHeaders(policy, refusal),
      block: { policy: policy.name, level, blockedUntil },
    },
  );
}
