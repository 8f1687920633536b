import { type Channel, channels } from '../../generated/messages.ts';
import { type Connection, isWaiting, type Place } from './connection.ts';
import { placeKey } from './room-store.ts';

type Members = ReadonlyMap<string, Connection>;
const nobody: Members = new Map();
const noConnections: ReadonlySet<Connection> = new Set();

/**
 * Who is there: every connection by its id, by its user, and by the channel of the room that it is in or waits for.
 * Those who have lost their connection and may come back are among them.
 */
export class Registry {
  readonly #byId = new Map<string, Connection>();
  readonly #byPlace = new Map<string, Map<string, Connection>>();
  readonly #waiting = new Map<string, Map<string, Connection>>();
  /** Most users have one connection, and for one a list is much smaller than a set. */
  readonly #byUser = new Map<string, Connection[]>();
  readonly #countByAddress = new Map<string, number>();
  /** Those who have lost their connection, the earliest first. */
  readonly #lostByAddress = new Map<string, Set<Connection>>();
  #lastLost = 0;

  add(connection: Connection): void {
    insert(isWaiting(connection) ? this.#waiting : this.#byPlace, connection);
    this.#byId.set(connection.clientId, connection);
    const { userId } = connection.identity;
    const own = this.#byUser.get(userId);
    if (own) own.push(connection);
    else this.#byUser.set(userId, [connection]);
    this.#count(connection.address, 1);
  }

  /** Forgets a connection; `false` if it was not there. */
  remove(connection: Connection): boolean {
    if (!this.#byId.delete(connection.clientId)) return false;
    take(isWaiting(connection) ? this.#waiting : this.#byPlace, connection);
    const { userId } = connection.identity;
    const others = this.ofUser(userId).filter((other) => other !== connection);
    if (others.length > 0) this.#byUser.set(userId, others);
    else this.#byUser.delete(userId);
    if (connection.connectionStatus === 'connected') this.#count(connection.address, -1);
    else this.#lostByAddress.get(connection.address)?.delete(connection);
    if (this.#lostByAddress.get(connection.address)?.size === 0)
      this.#lostByAddress.delete(connection.address);
    return true;
  }

  /** One who waited becomes a member, with this `order`, at this moment. */
  admit(connection: Connection, order: number, joinedAt: string): void {
    take(this.#waiting, connection);
    Object.assign(connection, { order, joinedAt });
    insert(this.#byPlace, connection);
  }

  /** A client has lost its connection, and stays. */
  lose(connection: Connection): void {
    connection.connectionStatus = 'disconnected';
    connection.lostSerial = ++this.#lastLost;
    this.#count(connection.address, -1);
    const lost = this.#lostByAddress.get(connection.address) ?? new Set();
    this.#lostByAddress.set(connection.address, lost.add(connection));
  }

  /** Who has lost a connection from this address, the earliest first. */
  lostOfAddress(address: string): ReadonlySet<Connection> {
    return this.#lostByAddress.get(address) ?? noConnections;
  }

  /** Who of a user's has lost its connection, the earliest first. */
  lostOfUser(userId: string): Connection[] {
    return this.ofUser(userId)
      .filter(({ connectionStatus }) => connectionStatus === 'disconnected')
      .sort((one, other) => one.lostSerial - other.lostSerial);
  }

  /** The connections of one user, in all rooms, the oldest first. */
  ofUser(userId: string): readonly Connection[] {
    return this.#byUser.get(userId) ?? [];
  }

  /** How many open connections come from one address. */
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

  /** Who waits to be let into a channel of a room by their id, longest waiting first; nobody where it is empty. */
  waiting(place: Place): Members {
    return this.#waiting.get(placeKey(place)) ?? nobody;
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

function insert(places: Map<string, Map<string, Connection>>, connection: Connection): void {
  const key = placeKey(connection);
  const there = places.get(key) ?? new Map<string, Connection>();
  places.set(key, there.set(connection.clientId, connection));
}

function take(places: Map<string, Map<string, Connection>>, connection: Connection): void {
  const key = placeKey(connection);
  const there = places.get(key);
  there?.delete(connection.clientId);
  if (there?.size === 0) places.delete(key);
}
