import { timingSafeEqual } from 'node:crypto';
import type { Sought } from '../../rooms/carriage.ts';
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

/** Where sessions are. */
export interface Sessions {
  /** The connection with this id. */
  readonly find: (clientId: string) => Connection | undefined;
  /** Has a session come from another node; gives its connection: of this node, or what is left of it on another one. */
  readonly fetch: (sought: Sought) => Promise<Connection | undefined>;
}

/** A session that a client wants to go on with. */
export interface Former {
  readonly connection: Connection;
  /** `undefined`: there is only an end to be made of it. */
  readonly session: Session | undefined;
}

/**
 * The session that a client wants to go on with, if it is this user's, and in this place: else nothing happens to it.
 * Whether it can be resumed is another question.
 */
export async function formerSession(claim: Claim, { find, fetch }: Sessions): Promise<Former | undefined> {
  const { identity, place, wanted } = claim;
  if (wanted === undefined) return undefined;
  const { resumeToken, received } = wanted;
  const clientId = clientIdOf(resumeToken);
  const session = sessionHere(claim, find(clientId));
  if (session?.connection !== undefined) return { session, connection: session.connection };
  const { roomId, channel } = place;
  const { userId } = identity;
  const fetched = await fetch({ place: { roomId, channel }, userId, clientId, resumeToken, received });
  return fetched && { connection: fetched, session: sessionHere(claim, fetched) };
}

function sessionHere(
  { identity, place, wanted }: Claim,
  connection: Connection | undefined,
): Session | undefined {
  if (connection === undefined || wanted === undefined || isWaiting(connection)) return undefined;
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
