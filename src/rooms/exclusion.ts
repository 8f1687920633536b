import type { Channel, SessionKicked } from '../../generated/messages.ts';
import type { Ban, BanStore } from './ban-store.ts';
import { type Connection, type Place, timestamp } from './connection.ts';
import { SignalboxError } from './errors.ts';
import type { Membership } from './membership.ts';
import { eachReady, type Ready, whenReady } from './ready.ts';
import type { Registry } from './registry.ts';

/** A kick: by whom, why, and for how long its user stays out. */
export interface Kick {
  readonly by: SessionKicked['by'];
  /** The user who kicks. */
  readonly byUserId: string;
  readonly reason?: string | undefined;
  readonly banSeconds?: number | undefined;
  /** The one channel that a ban is to hold in; `undefined`: the whole room. */
  readonly channel?: Channel | undefined;
}

/** Putting users out of a room, and keeping them out. */
export class Exclusion {
  readonly #registry: Registry;
  readonly #membership: Membership;
  readonly #bans: BanStore;
  readonly #newBanId: () => string;
  readonly #now: () => number;

  constructor(
    registry: Registry,
    membership: Membership,
    bans: BanStore,
    newBanId: () => string,
    now: () => number,
  ) {
    this.#registry = registry;
    this.#membership = membership;
    this.#bans = bans;
    this.#newBanId = newBanId;
    this.#now = now;
  }

  /** Puts a client out; with a ban, every other socket of its user that the ban holds for as well. */
  kick(target: Connection, { by, byUserId, reason, banSeconds, channel }: Kick): Ready<unknown> {
    const told: SessionKicked = { by, ...(reason !== undefined && { reason }) };
    if (banSeconds === undefined) return this.#membership.putOut(target, told, 'kicked');
    const { roomId, identity } = target;
    const until = this.#now() + banSeconds * 1000;
    const ban = {
      banId: this.#newBanId(),
      roomId,
      channel,
      userId: identity.userId,
      reason,
      bannedBy: byUserId,
      until,
    };
    // The ban first: nobody who is put out finds the door open.
    return whenReady(this.#bans.add(ban), () => {
      const banned = { ...told, banUntil: timestamp(until) };
      const others = this.sessionsOf(target, channel).filter((other) => other !== target);
      const put = this.#membership.putOut(target, banned, 'kicked');
      return whenReady(put, () =>
        eachReady(others, (other) => this.#membership.putOut(other, banned, 'banned')),
      );
    });
  }

  /** The sessions of a client's user in its room, or in one channel of it: whom a ban puts out. */
  sessionsOf({ roomId, identity }: Connection, channel: Channel | undefined): Connection[] {
    return this.#registry
      .ofUser(identity.userId)
      .filter((other) => other.roomId === roomId && (channel ?? other.channel) === other.channel);
  }

  /** Refuses a user who is kept out (`banned`), and says until when. */
  check(userId: string, place: Place): Ready<void> {
    return whenReady(this.#bans.find(userId, place), (ban) => {
      if (ban === undefined) return;
      const bannedUntil = timestamp(ban.until);
      throw new SignalboxError('banned', `You are kept out of this room until ${bannedUntil}.`, {
        bannedUntil,
      });
    });
  }

  /** Every ban in force, the oldest first. */
  list(): Ready<Ban[]> {
    return this.#bans.list();
  }

  /** Lets a user in again; `false` if no ban has this id, or it has ended. */
  lift(banId: string): Ready<boolean> {
    return this.#bans.lift(banId);
  }
}
