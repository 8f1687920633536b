import type { Channel } from '../../generated/messages.ts';
import { type Connection, isWaiting, type Place, placesOf } from './connection.ts';
import { placeKey } from './room-store.ts';

type Connections = ReadonlyMap<string, Connection>;
const nobody: Connections = new Map();
const noConnections: ReadonlySet<Connection> = new Set();

/** Some of those in one channel of a room, by their id: on all nodes, and on this one. */
interface Roll {
  /** In the order of joining. */
  everywhere: Map<string, Connection>;
  /** The same map as long as nobody is elsewhere: most rooms are on one node. */
  here: Map<string, Connection>;
  /** The `order` of the last to come. */
  newest: number;
}

/**
 * Who is there: every connection by its id, by its user, and by the channel of the room that it is in or waits for.
 * Those who have lost their connection and may come back are among them, and so are those on other nodes, of the rooms
 * that this node knows.
 */
export class Registry {
  readonly #byId = new Map<string, Connection>();
  readonly #members = new Map<string, Roll>();
  readonly #waiting = new Map<string, Roll>();
  /** Most users have one connection, and for one a list is much smaller than a set. */
  readonly #byUser = new Map<string, Connection[]>();
  /** Those who have lost their connection, the earliest first. */
  readonly #lostByAddress = new Map<string, Set<Connection>>();
  #lastLost = 0;

  add(connection: Connection): void {
    insert(isWaiting(connection) ? this.#waiting : this.#members, connection);
    this.#byId.set(connection.clientId, connection);
    const { userId } = connection.identity;
    const own = this.#byUser.get(userId);
    if (own) own.push(connection);
    else this.#byUser.set(userId, [connection]);
    if (connection.connectionStatus === 'disconnected') connection.lostSerial = ++this.#lastLost;
  }

  /** Forgets a connection; `false` if it was not there. */
  remove(connection: Connection): boolean {
    if (!this.#byId.delete(connection.clientId)) return false;
    take(isWaiting(connection) ? this.#waiting : this.#members, connection);
    const { userId } = connection.identity;
    const others = this.ofUser(userId).filter((other) => other !== connection);
    if (others.length > 0) this.#byUser.set(userId, others);
    else this.#byUser.delete(userId);
    this.#found(connection);
    return true;
  }

  /** One who waited becomes a member, with this `order`, at this moment. */
  admit(connection: Connection, order: number, joinedAt: string): void {
    take(this.#waiting, connection);
    Object.assign(connection, { order, joinedAt });
    insert(this.#members, connection);
  }

  /** A client has lost its connection, and stays. */
  lose(connection: Connection): void {
    connection.connectionStatus = 'disconnected';
    connection.lostSerial = ++this.#lastLost;
    if (connection.node !== undefined) return;
    const lost = this.#lostByAddress.get(connection.address) ?? new Set();
    this.#lostByAddress.set(connection.address, lost.add(connection));
  }

  /** A client that had lost its connection has another one, from this address. */
  regain(connection: Connection, address: string): void {
    this.#found(connection);
    Object.assign(connection, { connectionStatus: 'connected', lostSerial: 0, address });
  }

  /** Whether any session of this node is without its connection. */
  get hasLostHere(): boolean {
    return this.#lostByAddress.size > 0;
  }

  /** Who has lost a connection from this address to this node, the earliest first. */
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

  get(clientId: string): Connection | undefined {
    return this.#byId.get(clientId);
  }

  /** The members of one channel of a room by their id, longest present first. */
  members(place: Place): Connections {
    return this.#members.get(placeKey(place))?.everywhere ?? nobody;
  }

  /** Those of them that are on this node. */
  membersHere(place: Place): Connections {
    return this.#members.get(placeKey(place))?.here ?? nobody;
  }

  /** Who waits to be let into a channel of a room by their id, longest waiting first; nobody where it is empty. */
  waiting(place: Place): Connections {
    return this.#waiting.get(placeKey(place))?.everywhere ?? nobody;
  }

  /** Those of them that are on this node. */
  waitingHere(place: Place): Connections {
    return this.#waiting.get(placeKey(place))?.here ?? nobody;
  }

  /** Whether a channel of a room has anybody on another node. */
  isElsewhere(place: Place): boolean {
    const [members, waiting] = [this.#members.get(placeKey(place)), this.#waiting.get(placeKey(place))];
    return members?.everywhere !== members?.here || waiting?.everywhere !== waiting?.here;
  }

  /** Whether a channel of a room has anybody on this node. */
  isHere(place: Place): boolean {
    return this.membersHere(place).size + this.waitingHere(place).size > 0;
  }

  /** The channels of a room in which there is anybody; with `only`, no other. */
  placesOf(roomId: string, only?: Channel): Place[] {
    return placesOf(roomId, only).filter((place) => this.members(place).size > 0);
  }

  /** Every channel of every room in which there is anybody. */
  places(): Place[] {
    const places: Place[] = [];
    for (const { everywhere } of this.#members.values()) {
      const [first] = everywhere.values();
      if (first !== undefined) places.push(first);
    }
    return places;
  }

  /** Every connection, in the order of joining. */
  all(): IteratorObject<Connection> {
    return this.#byId.values();
  }

  #found(connection: Connection): void {
    const lost = this.#lostByAddress.get(connection.address);
    if (lost?.delete(connection) && lost.size === 0) this.#lostByAddress.delete(connection.address);
  }
}

function insert(rolls: Map<string, Roll>, connection: Connection): void {
  const key = placeKey(connection);
  const roll = rolls.get(key) ?? newRoll();
  rolls.set(key, roll);
  const isOnlyHere = roll.here === roll.everywhere;
  if (connection.node !== undefined && isOnlyHere) roll.here = new Map(roll.everywhere);
  roll.everywhere.set(connection.clientId, connection);
  if (connection.node === undefined && !isOnlyHere) roll.here.set(connection.clientId, connection);
  if (connection.order < roll.newest) sort(roll);
  else roll.newest = connection.order;
}

function take(rolls: Map<string, Roll>, connection: Connection): void {
  const key = placeKey(connection);
  const roll = rolls.get(key);
  if (roll === undefined) return;
  roll.everywhere.delete(connection.clientId);
  roll.here.delete(connection.clientId);
  if (roll.everywhere.size === roll.here.size) roll.here = roll.everywhere;
  if (roll.everywhere.size === 0) rolls.delete(key);
}

function newRoll(): Roll {
  const everywhere = new Map<string, Connection>();
  return { everywhere, here: everywhere, newest: 0 };
}

/** One was missed for a while, and has come late to the roll. */
function sort(roll: Roll): void {
  const inOrder = (map: Map<string, Connection>) =>
    new Map([...map].sort(([, one], [, other]) => one.order - other.order));
  const isOnlyHere = roll.here === roll.everywhere;
  roll.everywhere = inOrder(roll.everywhere);
  roll.here = isOnlyHere ? roll.everywhere : inOrder(roll.here);
}
