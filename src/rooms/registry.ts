import { type Channel, channels } from '../../generated/messages.ts';
import type { Connection, Place } from './connection.ts';
import { placeKey } from './room-store.ts';

type Members = ReadonlyMap<string, Connection>;
const nobody: Members = new Map();
const noConnections: ReadonlySet<Connection> = new Set();

/** Who is connected: every connection by its id, and by the channel of the room that it is in. */
export class Registry {
  readonly #byId = new Map<string, Connection>();
  readonly #byPlace = new Map<string, Map<string, Connection>>();
  readonly #byUser = new Map<string, Set<Connection>>();
  readonly #countByAddress = new Map<string, number>();

  add(connection: Connection): void {
    const key = placeKey(connection);
    const members = this.#byPlace.get(key) ?? new Map<string, Connection>();
    this.#byPlace.set(key, members.set(connection.clientId, connection));
    this.#byId.set(connection.clientId, connection);
    const { userId } = connection.identity;
    this.#byUser.set(userId, (this.#byUser.get(userId) ?? new Set()).add(connection));
    this.#count(connection.address, 1);
  }

  /** Forgets a connection; `false` if it was not there. */
  remove(connection: Connection): boolean {
    const key = placeKey(connection);
    const members = this.#byPlace.get(key);
    members?.delete(connection.clientId);
    if (members?.size === 0) this.#byPlace.delete(key);
    if (!this.#byId.delete(connection.clientId)) return false;
    const { userId } = connection.identity;
    const own = this.#byUser.get(userId);
    own?.delete(connection);
    if (own?.size === 0) this.#byUser.delete(userId);
    this.#count(connection.address, -1);
    return true;
  }

  /** The connections of one user, in all rooms. */
  ofUser(userId: string): ReadonlySet<Connection> {
    return this.#byUser.get(userId) ?? noConnections;
  }

  /** How many connections come from one address. */
  countOfAddress(address: string): number {
    return this.#countByAddress.get(address) ?? 0;
  }

  get(clientId: string): Connection | undefined {
    return this.#byId.get(clientId);
  }

  /** The members of one channel of a room by their id, longest present first. */
  members(place: Place): Members {
    return this.#byPlace.get(placeKey(place)) ?? nobody;
  }

  /** The channels of a room in which there is anybody; with `only`, no other. */
  placesOf(roomId: string, only?: Channel): Place[] {
    return channels
      .filter((channel) => only === undefined || channel === only)
      .map((channel) => ({ roomId, channel }))
      .filter((place) => this.members(place).size > 0);
  }

  /** Every channel of every room in which there is anybody. */
  places(): Place[] {
    const places: Place[] = [];
    for (const members of this.#byPlace.values()) {
      const [first] = members.values();
      if (first !== undefined) places.push(first);
    }
    return places;
  }

  /** Every connection, in the order of joining. */
  all(): Iterable<Connection> {
    return this.#byId.values();
  }

  #count(address: string, change: 1 | -1): void {
    const count = this.countOfAddress(address) + change;
    if (count > 0) this.#countByAddress.set(address, count);
    else this.#countByAddress.delete(address);
  }
}
