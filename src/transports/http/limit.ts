import type { Response } from 'express';
import type { RateLimit } from '../../../generated/operations.ts';
import { limitHeaders } from '../../limits/headers.ts';
import type { LimitStore } from '../../limits/limit-store.ts';
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
  const headers = limitHeaders(policy, verdict);
  response.set(headers);
  if (verdict.allowed) return;
  const { retryAfterMs, level } = verdict;
  const blockedUntil = new Date(verdict.blockedUntil).toISOString();
  throw new SignalboxError(
    'rate_limited',
    `Too many requests; blocked for ${Math.ceil(retryAfterMs / 1000)} seconds.`,
    { retryAfterMs, headers, block: { policy: policy.name, level, blockedUntil } },
  );
}
