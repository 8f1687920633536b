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
  readonly rooms: Pick<RoomStore, 'hold' | 'isKnown'>;
  readonly door: Door;
  readonly exclusion: Exclusion;
  readonly quota: ConnectionQuota;
  /** Refuses a user whose clients flooded the server. */
  readonly checkFloods: (identity: Identity) => Ready<void>;
  readonly node: () => string;
  readonly now: () => number;
}

type Newcomer = [
  identity: Identity,
  place: Place,
  address: string,
  open: (clientId: string) => Ready<Connection>,
];

/** What a verified client is still checked for: on the upgrade, and on its preflight. */
export class Admission {
  readonly #parts: AdmissionParts;

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
   */
  async enter(...newcomer: Newcomer): Promise<void> {
    const { rooms } = this.#parts;
    const [, place] = newcomer;
    if (!rooms.isKnown(place)) return this.#enter(false, ...newcomer);
    // From here on, so that no ban comes in between of which this node does not hear.
    await rooms.hold([place], () => this.#enter(true, ...newcomer));
  }

  async #enter(isHeard: boolean, ...[identity, place, address, open]: Newcomer): Promise<void> {
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
      const connection = await rooms.hold([place], async () => {
        // A ban that came before the room was known here was not heard, and is stored by now.
        if (!isHeard) await exclusion.check(identity.userId, place);
        door.checkRoom(identity, place);
        return open(clientId);
      });
      await exclusion.checkAgain(connection, since);
    } catch (error) {
      if (isCounted) quota.release(clientId, claimant);
      throw error;
    }
  }

  /** Counts no more whose connection has ended. */
  heed(event: RoomEvent): void {
    if (event.type !== 'connection.left' && event.type !== 'connection.lost') return;
    const { clientId, identity, address } = event.connection;
    this.#parts.quota.release(clientId, claimantOf(identity, event.connection, address));
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
