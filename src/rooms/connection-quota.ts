import { SignalboxError } from './errors.ts';
import type { Ready } from './ready.ts';

/** How many connections there may be at once: a bound on what one user or one address can cost. */
export interface ConnectionLimits {
  readonly perUserAndRoom: number;
  readonly perUser: number;
  readonly perAddress: number;
}

/** Whose a connection is, as far as it counts. */
export interface Claimant {
  readonly userId: string;
  readonly roomId: string;
  /** As `addressKey` gives it. */
  readonly address: string;
}

/** How many connections there are already. */
export interface ConnectionCounts {
  readonly inRoom: number;
  readonly ofUser: number;
  readonly ofAddress: number;
}

/**
 * Counts connections: of this process, or of all nodes. One that was lost and may come back is not counted.
 *
 * Every quota passes `test/rooms/connection-quota-suite.ts` and promises:
 * - `take` is atomic: of more at once than there may be, exactly as many are taken as there may be.
 * - One that is refused is counted nowhere, neither for its user nor for its address.
 * - What a node held that has died does not keep anybody out.
 *
 * A quota that does no I/O answers, and refuses, without a promise; one that cannot be reached rejects.
 */
export interface ConnectionQuota {
  /** Refuses what {@link take} would refuse just now (`connection_limit`), and takes nothing. */
  check(claimant: Claimant): Ready<void>;
  /** Counts a connection until it is released, or refuses it (`connection_limit`). Once for each id, however often. */
  take(clientId: string, claimant: Claimant): Ready<void>;
  /**
   * The connection has ended: from the next call on this node on it does not count, on others soon. Not before `take` has
   * answered; does nothing for one that is not counted. Never throws; what fails is done later.
   *
   * @param claimant as it was taken with
   */
  release(clientId: string, claimant: Claimant): void;
}

/** How soon a connection may be free again: when another one of the user's ends, which nobody knows. */
const retryAfterMs = 5_000;

/** Refuses one connection more than there may be (`connection_limit`). */
export function refuseTooMany(
  { inRoom, ofUser, ofAddress }: ConnectionCounts,
  { perUserAndRoom, perUser, perAddress }: ConnectionLimits,
): void {
  if (inRoom >= perUserAndRoom) throw tooMany(`You have ${inRoom} connections to this room.`);
  if (ofUser >= perUser) throw tooMany(`You have ${ofUser} connections.`);
  if (ofAddress >= perAddress) throw tooMany(`There are ${ofAddress} connections from this address.`);
}

function tooMany(message: string): SignalboxError {
  return new SignalboxError('connection_limit', message, { retryAfterMs });
}
