import type { Place } from './connection.ts';
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
    const own = this.#registry.ofUser(userId);
    let inRoom = 0;
    for (const connection of own) if (connection.roomId === roomId) inRoom += 1;
    if (inRoom >= perUserAndRoom) throw tooMany(`You have ${inRoom} connections to this room.`);
    if (own.size >= perUser) throw tooMany(`You have ${own.size} connections.`);
    if (this.#registry.countOfAddress(address) >= perAddress) {
      throw tooMany(`There are ${perAddress} connections from this address.`);
    }
  }

  checkRoom(place: Place): void {
    if (this.#registry.members(place).size < this.#limits.roomSize) return;
    throw new SignalboxError('room_full', `The room ${place.roomId} is full.`);
  }
}

function tooMany(message: string): SignalboxError {
  return new SignalboxError('connection_limit', message, { retryAfterMs });
}
