import { frameLimits } from '../../generated/messages.ts';
import type { Connection, Place } from './connection.ts';
import type { ConnectionLimits } from './connection-quota.ts';
import { SignalboxError } from './errors.ts';
import type { Identity } from './identity.ts';
import type { Registry } from './registry.ts';
import type { RoomStore } from './room-store.ts';

/** How many there may be: a bound on what one user, one address or one room can cost. */
export interface CapacityLimits extends ConnectionLimits {
  /** Of one channel of a room. */
  readonly roomSize: number;
}

/** Who may come into a room: neither one too many, nor through a lock. Nobody is kept out by a session of its own that was lost. */
export class Door {
  readonly #registry: Registry;
  readonly #rooms: RoomStore;
  readonly #limits: CapacityLimits;

  constructor(registry: Registry, rooms: RoomStore, limits: CapacityLimits) {
    this.#registry = registry;
    this.#rooms = rooms;
    this.#limits = limits;
  }

  /**
   * Refuses a newcomer to a locked room (`room_locked`), and to a full one (`room_full`). A token that makes host opens
   * every lock: no room is lost to it.
   */
  checkRoom(identity: Identity, place: Place): void {
    if (this.#lostSession(identity, place)) return;
    if (this.#rooms.get(place)?.locked && !identity.host) {
      throw new SignalboxError('room_locked', `The room ${place.roomId} is locked.`);
    }
    const mustWait = !identity.host && this.#registry.waiting(place).size >= frameLimits.maxWaiting;
    if (!mustWait && !this.#isFull(place)) return;
    throw new SignalboxError('room_full', `The room ${place.roomId} is full.`);
  }

  /** The user's session that has lost its connection here, where nobody else would find a place: it may have that one's. */
  keptPlace(identity: Identity, place: Place): Connection | undefined {
    const { locked, admission } = this.#rooms.get(place) ?? {};
    const isOpen = !locked && admission !== 'approval' && !this.#isFull(place);
    return isOpen ? undefined : this.#lostSession(identity, place);
  }

  /**
   * Whoever has lost its connection and is one too many now that this one has: as many are kept of a user, and of an
   * address, as may be connected, so that nobody fills a room by coming and going.
   */
  surplus({ identity, roomId, address }: Connection): Connection[] {
    const { perUserAndRoom, perUser, perAddress } = this.#limits;
    const lost = this.#registry.lostOfUser(identity.userId);
    const inRoom = lost.filter((connection) => connection.roomId === roomId);
    const near = this.#registry.lostOfAddress(address);
    const surplus = [
      ...inRoom.slice(0, Math.max(0, inRoom.length - perUserAndRoom)),
      ...lost.slice(0, Math.max(0, lost.length - perUser)),
      ...near.values().take(Math.max(0, near.size - perAddress)),
    ];
    return [...new Set(surplus)];
  }

  #lostSession({ userId }: Identity, { roomId, channel }: Place): Connection | undefined {
    const lost = this.#registry.lostOfUser(userId);
    return lost.find((session) => session.roomId === roomId && session.channel === channel);
  }

  /** Who waits to be let in takes a place, too; and who has lost its connection keeps it. */
  #isFull(place: Place): boolean {
    const [members, waiting] = [this.#registry.members(place).size, this.#registry.waiting(place).size];
    return members + waiting >= this.#limits.roomSize;
  }
}
