import { type Channel, channels } from '../../generated/messages.ts';
import type { Connection, Place } from './connection.ts';
import { placeKey } from './room-store.ts';

type Members = ReadonlyMap<string, Connection>;
const nobody: Members = new Map();

/** Who is connected: every connection by its id, and by the channel of the room that it is in. */
export class Registry {
  readonly #byId = new Map<string, Connection>();
  readonly #byPlace = new Map<string, Map<string, Connection>>();

  add(connection: Connection): void {
    const key = placeKey(connection);
    const members = this.#byPlace.get(key) ?? new Map<string, Connection>();
    this.#byPlace.set(key, members.set(connection.clientId, connection));
    this.#byId.set(connection.clientId, connection);
  }

  /** Forgets a connection; `false` if it was not there. */
  remove(connection: Connection): boolean {
    const key = placeKey(connection);
    const members = this.#byPlace.get(key);
    members?.delete(connection.clientId);
    if (members?.size === 0) this.#byPlace.delete(key);
    return this.#byId.delete(connection.clientId);
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
    return [...this.#byPlace.values()].flatMap((members) => [...members.values()].slice(0, 1));
  }

  /** Every connection, in the order of joining. */
  all(): Iterable<Connection> {
    return this.#byId.values();
  }
}
