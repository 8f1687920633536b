import type { Connection } from '../rooms/connection.ts';
import type { RollEntry } from '../rooms/room-store.ts';
import type { Lease } from './lease.ts';
import type { Replica } from './replica.ts';

/** So long nobody is taken for gone who is only missing: where Redis was emptied, the nodes write back what they hold. */
export const restoreMs = 5_000;

/**
 * Whether those have gone who are missing in Redis. Where the room is another one, it may have been lost: then all
 * nodes that are alive write back what they hold.
 *
 * @param known who is there as this node knows it
 * @param roll who is there in Redis, of the room with this incarnation
 */
export function isSureOfMissing(
  replica: Replica,
  incarnation: string | null,
  roll: readonly RollEntry[],
  known: readonly Connection[],
  isAlive: (connection: Connection) => boolean,
  now: number,
): boolean {
  const present = new Set(roll.map(({ record }) => record.clientId));
  const isWhole = known.every((each) => present.has(each.clientId) || !isAlive(each));
  if (isWhole) replica.missingSince = undefined;
  else if (incarnation !== replica.incarnation) replica.missingSince ??= now;
  return replica.missingSince === undefined || now >= replica.missingSince + restoreMs;
}

/**
 * Whose nodes live. Until the lease is settled, whoever is not known to live may have come just before Redis was emptied.
 */
export function isAliveBy({ live, settled }: Pick<Lease, 'live' | 'settled'>) {
  return ({ node }: Connection): boolean => node === undefined || !settled || live.has(node);
}
