import type { Response } from 'express';
import type { RateLimit } from '../../../generated/operations.ts';
import { limitHeaders } from '../../limits/headers.ts';
import type { LimitStore } from '../../limits/limit-store.ts';
import type { LimitRefusal } from '../../limits/policy.ts';
import { SignalboxError } from '../../rooms/errors.ts';

/**
 * Counts a call of an operation against its policy, and puts the headers that tell of it on the response.
 * One call too many is refused as `rate_limited`, with the block that it starts or that lasts.
 *
 * @param subjectKey who calls: a hash of the verified identity, so that an address shared by many does no harm
 */
export async function countCall(
  response: Response,
  policy: RateLimit,
  limits: LimitStore,
  subjectKey: string,
): Promise<void> {
  const verdict = await limits.take(policy, subjectKey);
  response.set(limitHeaders(policy, verdict));
  if (!verdict.allowed) refuseBlocked(policy, verdict);
}

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
