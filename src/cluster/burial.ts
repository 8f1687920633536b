import type { Clock } from '../rooms/clock.ts';
import type { Place } from '../rooms/connection.ts';
import { tryTo } from '../rooms/ready.ts';
import type { Follower } from '../rooms/room-store.ts';
import type { Lease } from './lease.ts';

/** In so long a node that has just come is known to all others, whose leases have been renewed by so much. */
const waitMs = 3_000;
const renewedMs = 2_000;

/**
 * Takes those out of a room whom nobody has: of this node, which knows nothing of them, or of one that has died, and
 * that was swept before they were in its list.
 */
export class Burial {
  readonly #lease: Pick<Lease, 'id' | 'until' | 'live' | 'settled'>;
  readonly #later: Clock['later'];

  constructor(lease: Pick<Lease, 'id' | 'until' | 'live' | 'settled'>, later: Clock['later']) {
    this.#lease = lease;
    this.#later = later;
  }

  /**
   * To be called when a room has been loaded. What cannot be done now is found again the next time.
   *
   * @param isKnown whether this node still knows the room
   * @param isWhole whether all nodes have had the time to write back what they hold, if it was lost
   */
  look(follower: Follower, place: Place, isKnown: () => boolean, isWhole: boolean): void {
    if (isWhole) tryTo(() => follower.mend(place));
    const { id, until, live } = this.#lease;
    const nodes = new Set(follower.everybody(place).map(({ node }) => node));
    if (nodes.has(id)) tryTo(() => follower.bury(place, ({ node }) => node === id));
    const missing = [...nodes].filter((node) => node !== undefined && node !== id && !live.has(node));
    if (missing.length === 0) return;
    // Who lives was asked before the room was: a node that has come in between is not among them.
    this.#later(() => {
      if (!isKnown()) return;
      const isRenewed = this.#lease.until - until >= renewedMs;
      if (!isRenewed || !this.#lease.settled) return this.look(follower, place, isKnown, isWhole);
      const dead = new Set(missing.filter((node = '') => !this.#lease.live.has(node)));
      tryTo(() => follower.bury(place, ({ node }) => dead.has(node)));
    }, waitMs);
  }
}
