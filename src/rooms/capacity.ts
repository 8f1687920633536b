import { frameLimits } from '../../generated/messages.ts';
import type { Connection, Place } from './connection.ts';
import { SignalboxError } from './errors.ts';
import type { Registry } from './registry.ts';

/** How many connections there may be: a bound on what one user, one address or one room can cost. */
export interface CapacityLimits {
  readonly perUserAndRoom: number;
  readonly perUser: number;
  readonly perAddress: number;
  /** Of one channel of a room. */
  readonly roomSize: number;
}

/** How soon a connection may be free again: when another one of the user's ends, which nobody knows. */
const retryAfterMs = 5_000;

/** Refuses a newcomer who would be one too many: `connection_limit`, and after that `room_full`. */
export class Capacity {
  readonly #registry: Registry;
  readonly #limits: CapacityLimits;

  constructor(registry: Registry, limits: CapacityLimits) {
    this.#registry = registry;
    this.#limits = limits;
  }

  /** @param address as `addressKey` gives it */
  checkConnections(userId: string, { roomId }: Place, address: string): void {
    const { perUserAndRoom, perUser, perAddress } = this.#limits;
    const own = this.#sessionsOf(userId, 'connected');
    const inRoom = own.filter((connection) => connection.roomId === roomId).length;
    if (inRoom >= perUserAndRoom) throw tooMany(`You have ${inRoom} connections to this room.`);
    if (own.length >= perUser) throw tooMany(`You have ${own.length} connections.`);
    if (this.#registry.countOfAddress(address) >= perAddress) {
      throw tooMany(`There are ${perAddress} connections from this address.`);
    }
  }

  /** Who waits to be let in takes a place, too; and who has lost its connection keeps it. */
  checkRoom(place: Place, mayWait: boolean): void {
    const [members, waiting] = [this.#registry.members(place).size, this.#registry.waiting(place).size];
    const mustWait = mayWait && waiting >= frameLimits.maxWaiting;
    if (!mustWait && members + waiting < this.#limits.roomSize) return;
    throw new SignalboxError('room_full', `The room ${place.roomId} is full.`);
  }

  /**
   * The sessions of a user that have lost their connection and are too many with this one, which has just lost its
   * own: as many may be kept as may be connected, so that nobody fills a room by coming and going.
   */
  surplus({ identity, roomId }: Connection): Connection[] {
    const lost = this.#sessionsOf(identity.userId, 'disconnected');
    const inRoom = lost.filter((connection) => connection.roomId === roomId);
    const { perUserAndRoom, perUser } = this.#limits;
    return [
      ...new Set([
        ...inRoom.slice(0, Math.max(0, inRoom.length - perUserAndRoom)),
        ...lost.slice(0, Math.max(0, lost.length - perUser)),
      ]),
    ];
  }

  #sessionsOf(userId: string, status: Connection['connectionStatus']): Connection[] {
    return this.#registry.ofUser(userId).filter(({ connectionStatus }) => connectionStatus === status);
  }
}

function tooMany(message: string): SignalboxError {
  return new SignalboxError('connection_limit', message, { retryAfterMs });
}
