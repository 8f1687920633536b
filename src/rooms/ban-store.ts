import type { Channel } from '../../generated/messages.ts';
import type { Place } from './connection.ts';
import type { Ready } from './ready.ts';

/** One user who is kept out of a room, or of one channel of it. */
export interface Ban {
  /** Ids sort by the time at which they were made. */
  readonly banId: string;
  readonly roomId: string;
  /** `undefined`: all three channels. */
  readonly channel: Channel | undefined;
  readonly userId: string;
  readonly reason: string | undefined;
  /** The user who did it. */
  readonly bannedBy: string;
  /** Epoch milliseconds. */
  readonly until: number;
}

/**
 * Who is kept out: in this process, or of all nodes.
 *
 * Every store passes `test/rooms/ban-store-suite.ts` and promises:
 * - Once `add` has answered, `find` knows of the ban on every node, until it ends or is lifted.
 * - Whatever keeps a user out is in `list` and can be lifted, also after an `add` or a `lift` that failed halfway.
 * - A ban that has ended counts for nothing, and is forgotten without anybody's asking.
 *
 * A store that does no I/O answers without a promise; one that cannot be reached rejects.
 */
export interface BanStore {
  add(ban: Ban): Ready<void>;
  /** Lifts a ban; `false` if there is none with this id, or it has ended. Of more calls at once one is told `true`. */
  lift(banId: string): Ready<boolean>;
  /** The ban that keeps a user out the longest; `undefined`: none does. */
  find(userId: string, place: Place): Ready<Ban | undefined>;
  /** Every ban in force, the oldest first. */
  list(): Ready<Ban[]>;
}

/** Of a user's bans in force in a room, the one that keeps it out of this channel the longest. */
export function longestBan(bans: readonly Ban[], channel: Channel): Ban | undefined {
  return bans
    .filter((ban) => (ban.channel ?? channel) === channel)
    .reduce<Ban | undefined>(
      (longest, ban) => (longest && longest.until > ban.until ? longest : ban),
      undefined,
    );
}
