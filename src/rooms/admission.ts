import { type Connection, newClientId, type Place } from './connection.ts';
import type { Claimant, ConnectionQuota } from './connection-quota.ts';
import type { Door } from './door.ts';
import type { RoomEvent } from './events.ts';
import type { Exclusion } from './exclusion.ts';
import { checkGrant, type Identity } from './identity.ts';
import { type Ready, whenReady } from './ready.ts';
import type { RoomStore } from './room-store.ts';

/** What admission goes by. */
export interface AdmissionParts {
  readonly rooms: RoomStore;
  readonly door: Door;
  readonly exclusion: Exclusion;
  readonly quota: ConnectionQuota;
  /** Refuses a user whose clients flooded the server. */
  readonly checkFloods: (identity: Identity) => Ready<void>;
  readonly node: () => string;
  readonly now: () => number;
}

/** An attempt to come back. */
interface Return {
  /** Whether the connection is to be counted no more. */
  isOver: boolean;
}

/** What a verified client is still checked for: on the upgrade, and on its preflight. */
export class Admission {
  readonly #parts: AdmissionParts;
  /** By the client's id. */
  readonly #returns = new Map<string, Return>();
  /** Resolves when the attempts of a client to come back are over that came before. */
  readonly #lastReturns = new Map<string, Promise<unknown>>();

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /**
   * Refuses what {@link enter} would refuse just now, in the order that the contract gives, and changes nothing.
   *
   * @param address as `addressKey` gives it
   */
  async check(identity: Identity, place: Place, address: string): Promise<void> {
    const { rooms, door, quota } = this.#parts;
    await this.#checkUser(identity, place, () => quota.check(claimantOf(identity, place, address)));
    await rooms.hold([place], () => door.checkRoom(identity, place));
  }

  /**
   * Lets a client in, or refuses it. From the check of the room to the client's coming, the room stays known.
   *
   * @param open has the client with this id come; where it rejects, nobody has
   * @param former a session of its own there, whose place it has
   */
  async enter(
    identity: Identity,
    place: Place,
    address: string,
    open: (clientId: string) => Ready<Connection>,
    former?: Connection,
  ): Promise<void> {
    const { rooms, door, exclusion, quota, node, now } = this.#parts;
    const since = now();
    const clientId = newClientId(node());
    const claimant = claimantOf(identity, place, address);
    let isCounted = false;
    try {
      await this.#checkUser(identity, place, () =>
        whenReady(quota.take(clientId, claimant), () => {
          isCounted = true;
        }),
      );
      const connection = await rooms.hold([place], () => {
        if (former === undefined) door.checkRoom(identity, place);
        return open(clientId);
      });
      await exclusion.checkAgain(connection, since);
    } catch (error) {
      if (isCounted) quota.release(clientId, claimant);
      throw error;
    }
  }

  /**
   * Lets a client come back to its session, or refuses it. A room that is locked or full has its place still. Of two
   * attempts one waits for the other.
   *
   * @param open has it come back, from this address; `false`: it cannot any more
   */
  async resume(
    connection: Connection,
    identity: Identity,
    address: string,
    open: (address: string) => Ready<boolean>,
  ): Promise<boolean> {
    const { clientId } = connection;
    const before = this.#lastReturns.get(clientId) ?? Promise.resolve();
    const resumed = before.then(() => this.#resume(connection, identity, address, open));
    const isOver = resumed.catch(() => {});
    this.#lastReturns.set(clientId, isOver);
    try {
      return await resumed;
    } finally {
      if (this.#lastReturns.get(clientId) === isOver) this.#lastReturns.delete(clientId);
    }
  }

  async #resume(
    connection: Connection,
    identity: Identity,
    address: string,
    open: (address: string) => Ready<boolean>,
  ): Promise<boolean> {
    const { rooms, exclusion, quota, now } = this.#parts;
    const since = now();
    const { clientId } = connection;
    // The connection that it replaces counts until it is over, and then for this one.
    let isCounted = connection.connectionStatus === 'connected';
    const from = isCounted ? connection.address : address;
    const claimant = claimantOf(identity, connection, from);
    const attempt = { isOver: !isCounted };
    this.#returns.set(clientId, attempt);
    const count = (): Ready<void> =>
      isCounted
        ? undefined
        : whenReady(quota.take(clientId, claimant), () => {
            isCounted = true;
          });
    try {
      await this.#checkUser(identity, connection, count);
      const isBack = await rooms.hold([connection], () =>
        whenReady(open(from), (opened) => {
          if (opened) attempt.isOver = false;
          return opened;
        }),
      );
      if (isBack) await exclusion.checkAgain(connection, since);
      return isBack;
    } finally {
      this.#returns.delete(clientId);
      if (isCounted && attempt.isOver) quota.release(clientId, claimant);
    }
  }

  /** Counts no more whose connection has ended; not yet whose client is about to come back. */
  heed(event: RoomEvent): void {
    if (event.type !== 'connection.left' && event.type !== 'connection.lost') return;
    const { clientId, identity, address } = event.connection;
    const attempt = this.#returns.get(clientId);
    if (attempt !== undefined) attempt.isOver = true;
    else this.#parts.quota.release(clientId, claimantOf(identity, event.connection, address));
  }

  /** Asks all at the same time, since each may be a way to go; the first that refuses counts. */
  async #checkUser(identity: Identity, place: Place, count: () => Ready<void>): Promise<void> {
    const { checkFloods, exclusion } = this.#parts;
    const [flooded, granted, banned, counted] = await Promise.allSettled([
      Promise.try(() => checkFloods(identity)),
      Promise.try(() => checkGrant(identity, place.roomId, place.channel)),
      Promise.try(() => exclusion.check(identity.userId, place)),
      Promise.try(count),
    ]);
    for (const checked of [flooded, granted, banned, counted]) {
      if (checked.status === 'rejected') throw checked.reason;
    }
  }
}

function claimantOf({ userId }: Identity, { roomId }: Place, address: string): Claimant {
  return { userId, roomId, address };
}
