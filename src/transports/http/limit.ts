import type { Response } from 'express';
import type { RateLimit } from '../../../generated/operations.ts';
import { limitHeaders } from '../../limits/headers.ts';
import type { LimitStore } from '../../limits/limit-store.ts';
import { refuseBlocked } from '../guards/blocked.ts';

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
