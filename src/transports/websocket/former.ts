import { timingSafeEqual } from 'node:crypto';
import { type Connection, clientIdOf, isWaiting, type Place } from '../../rooms/connection.ts';
import type { Identity } from '../../rooms/identity.ts';
import type { Wanted } from './handshake.ts';
import { Session } from './session.ts';

/** Who wants to go on with which session. */
export interface Claim {
  readonly identity: Identity;
  readonly place: Place;
  readonly wanted: Wanted | undefined;
}

/**
 * The session that a client wants to go on with, if it is this user's, and here: else nothing happens to it. Whether it
 * can be resumed is another question.
 */
export function formerSession(
  { identity, place, wanted }: Claim,
  find: (clientId: string) => Connection | undefined,
): Session | undefined {
  if (wanted === undefined) return undefined;
  const connection = find(clientIdOf(wanted.resumeToken));
  if (connection === undefined || isWaiting(connection)) return undefined;
  const isHere = connection.roomId === place.roomId && connection.channel === place.channel;
  const isOwn = connection.identity.userId === identity.userId;
  if (!isHere || !isOwn || !isSame(connection.resumeToken, wanted.resumeToken)) return undefined;
  return connection.outlet instanceof Session ? connection.outlet : undefined;
}

/** Whether two secrets are the same; how long that takes says nothing of where they differ. */
function isSame(one: string, other: string): boolean {
  const [known, given] = [Buffer.from(one), Buffer.from(other)];
  return known.length === given.length && timingSafeEqual(known, given);
}
