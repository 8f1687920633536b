import { SignalboxError } from './errors.ts';

/** Who a verified token says that its bearer is, and what it grants. */
export interface Identity {
  /** The claim `sub`. */
  readonly userId: string;
  /** The claim `name`; without one, the `userId`. */
  readonly presenterName: string;
  /** Whether the token itself makes its bearer host: `host: true`. */
  readonly host: boolean;
  /** Whole words of `scope` (space-separated) and entries of `permissions` (an array), together. */
  readonly scopes: ReadonlySet<string>;
  /** Exact room ids, or prefixes ending in `*`; `undefined` grants every room, an empty list none. */
  readonly rooms: readonly string[] | undefined;
  /** Channel names; `undefined` grants every channel, an empty list none. */
  readonly channels: readonly string[] | undefined;
  /** When the token expires (`exp`), in epoch milliseconds, without any clock tolerance. */
  readonly expiresAt: number;
  /** A hash of issuer, subject and client id: what a rate limiter counts by, and may show and log. */
  readonly subjectKey: string;
}

/** Tells whether the token grants this channel of this room; bans and locks are the room's business. */
export function mayJoin(identity: Identity, roomId: string, channel: string): boolean {
  const room = identity.rooms?.some((grant) => matches(grant, roomId)) ?? true;
  return room && (identity.channels?.includes(channel) ?? true);
}

/** Refuses a place that the token does not grant (`room_not_granted`). */
export function checkGrant(identity: Identity, roomId: string, channel: string): void {
  if (mayJoin(identity, roomId, channel)) return;
  throw new SignalboxError(
    'room_not_granted',
    `The token does not grant the ${channel} channel of the room ${roomId}.`,
  );
}

function matches(grant: string, roomId: string): boolean {
  return grant.endsWith('*') ? roomId.startsWith(grant.slice(0, -1)) : grant === roomId;
}
