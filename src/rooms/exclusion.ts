import type { Channel, SessionKicked } from '../../generated/messages.ts';
import type { Ban, BanStore } from './ban-store.ts';
import type { Broker, NodeMessage } from './broker.ts';
import { type Connection, type Place, placesOf, timestamp } from './connection.ts';
import { SignalboxError } from './errors.ts';
import type { Membership } from './membership.ts';
import { allReady, type Ready, tryTo, whenFailed, whenReady } from './ready.ts';
import type { Registry } from './registry.ts';
import type { Permit } from './room.ts';

/** A kick: by whom, why, and for how long its user stays out. */
export interface Kick {
  readonly by: SessionKicked['by'];
  /** The user who kicks. */
  readonly byUserId: string;
  readonly reason?: string | undefined;
  readonly banSeconds?: number | undefined;
  /** The one channel that a ban is to hold in; `undefined`: the whole room. */
  readonly channel?: Channel | undefined;
  /** Whether it may still be done by then; by default it may. */
  readonly permit?: Permit | undefined;
}

type Banned = Extract<NodeMessage, { kind: 'banned' }>;

interface Recent {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly roomId: string;
  readonly message: Banned;
}

/** Longer than anybody takes to come in who was let through. */
const recentMs = 5_000;

/** Putting users out of a room, and keeping them out. */
export class Exclusion {
  readonly #registry: Registry;
  readonly #membership: Membership;
  readonly #bans: BanStore;
  readonly #broker: Broker;
  readonly #newBanId: () => string;
  readonly #now: () => number;
  /** Those of the last seconds, the earliest first: who comes just now may have been checked before. */
  #recent: Recent[] = [];

  constructor(
    registry: Registry,
    membership: Membership,
    bans: BanStore,
    broker: Broker,
    newBanId: () => string,
    now: () => number,
  ) {
    this.#registry = registry;
    this.#membership = membership;
    this.#bans = bans;
    this.#broker = broker;
    this.#newBanId = newBanId;
    this.#now = now;
  }

  /**
   * Puts a client out; with a ban, every other socket of its user that the ban holds for as well. Says whether it was
   * this call that put it out.
   */
  kick(target: Connection, { by, byUserId, reason, banSeconds, channel, permit }: Kick): Ready<boolean> {
    const told: SessionKicked = { by, ...(reason !== undefined && { reason }) };
    if (banSeconds === undefined) return this.#membership.putOut(target, told, 'kicked', permit);
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
      const message: Banned = { kind: 'banned', userId: identity.userId, channel, until, reason, by };
      this.#remember(roomId, message);
      const banned = { ...told, banUntil: timestamp(until) };
      const others = this.sessionsOf(target, channel).filter((other) => other !== target);
      const out = whenFailed(
        () => this.#membership.putOut(target, banned, 'kicked', permit),
        () => this.#forgive(ban.banId, message),
      );
      return whenReady(out, (isOut) => {
        const othersOut = allReady(others, (other) => this.#membership.putOut(other, banned, 'banned'));
        // After them, since whoever has not been put out by then is put out by this.
        for (const place of placesOf(roomId, channel)) this.#broker.publish(place, message);
        return whenReady(othersOut, () => isOut);
      });
    });
  }

  /** Another node keeps a user out: puts out whom it has not seen here. */
  receive(place: Place, message: Banned): Ready<unknown> {
    this.#remember(place.roomId, message);
    const here = this.#registry.ofUser(message.userId).filter(({ node }) => node === undefined);
    const banned = here.filter((connection) => isMeant(connection, place.roomId, message));
    return allReady(banned, (connection) => this.#putOut(connection, message));
  }

  /**
   * Puts out one whose user was kept out while it came.
   *
   * @param since when it was checked, in epoch milliseconds
   */
  checkAgain(connection: Connection, since: number): Ready<unknown> {
    const recent = this.#recent.find(
      ({ at, roomId, message }) => at >= since && isMeant(connection, roomId, message),
    );
    return recent && this.#putOut(connection, recent.message);
  }

  #putOut(connection: Connection, { by, reason, until }: Banned): Ready<unknown> {
    const kicked = { by, ...(reason !== undefined && { reason }), banUntil: timestamp(until) };
    return this.#membership.putOut(connection, kicked, 'banned');
  }

  /** A ban was not permitted after all. Where it cannot be lifted now it holds, and is in the list. */
  #forgive(banId: string, message: Banned): void {
    this.#recent = this.#recent.filter((recent) => recent.message !== message);
    tryTo(() => this.#bans.lift(banId));
  }

  #remember(roomId: string, message: Banned): void {
    const at = this.#now();
    this.#recent = this.#recent.filter((recent) => recent.at >= at - recentMs);
    this.#recent.push({ at, roomId, message });
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

function isMeant({ roomId, channel, identity }: Connection, bannedIn: string, message: Banned): boolean {
  const isUser = roomId === bannedIn && identity.userId === message.userId;
  return isUser && channel === (message.channel ?? channel);
}
