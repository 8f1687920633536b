import type { Channel, Participant, Role, Room } from '../../generated/messages.ts';
import { type Connection, isWaiting, type Place, timestamp, toParticipant } from './connection.ts';
import { SignalboxError } from './errors.ts';
import type { Registry } from './registry.ts';
import type { RoomStore } from './room-store.ts';

/** What can be seen of the rooms that this node knows, and of who is in them: by their members, and by the admin API. */
export class Views {
  readonly #registry: Registry;
  readonly #rooms: RoomStore;
  readonly #now: () => number;

  constructor(registry: Registry, rooms: RoomStore, now: () => number) {
    this.#registry = registry;
    this.#rooms = rooms;
    this.#now = now;
  }

  /** The members of a channel of a room, longest present first. */
  members(place: Place): Connection[] {
    return [...this.#registry.members(place).values()];
  }

  /** The members, and then those who wait to be let in. */
  everybody(place: Place): Connection[] {
    return [...this.#registry.members(place).values(), ...this.#registry.waiting(place).values()];
  }

  /** How many that are. */
  count(place: Place): number {
    return this.#registry.members(place).size + this.#registry.waiting(place).size;
  }

  /** Whether anybody is in a room, or in one channel of it. */
  hasRoom(roomId: string, channel: Channel | undefined): boolean {
    return this.#registry.placesOf(roomId, channel).length > 0;
  }

  /** A channel of a room as its members see it. */
  room(place: Place): Room {
    const { roomId, channel } = place;
    const state = this.#rooms.get(place);
    const { hosts = [], shares = [], locked = false, admission = 'open' } = state ?? {};
    return {
      roomId,
      channel,
      locked,
      admission,
      hosts: [...hosts],
      shares: [...shares],
      participantCount: this.#registry.members(place).size,
      createdAt: timestamp(state?.createdAt ?? this.#now()),
    };
  }

  /** The connection with this id, wherever it is. */
  connection(clientId: string): Connection | undefined {
    return this.#registry.get(clientId);
  }

  /** Every room in which there is anybody. */
  roomIds(): string[] {
    return [...new Set(this.#registry.places().map(({ roomId }) => roomId))];
  }

  /** Every connection, in the order of joining. */
  connections(): Iterable<Connection> {
    return this.#registry.all();
  }

  /** Whether a connection is a host of its channel of the room. */
  isHost(connection: Connection): boolean {
    return this.#rooms.get(connection)?.hosts.includes(connection.clientId) ?? false;
  }

  /** In the order in which they had better go together: so that none of them is host in between. */
  hostsLast(connections: readonly Connection[]): Connection[] {
    const [guests, hosts] = [false, true].map((isHost) =>
      connections.filter((connection) => this.isHost(connection) === isHost),
    );
    return [...(guests ?? []), ...(hosts ?? [])];
  }

  /** What a connection may do in its channel of the room. */
  role(connection: Connection): Role {
    if (isWaiting(connection)) return 'waiting';
    return this.isHost(connection) ? 'host' : 'participant';
  }

  /** A connection as its peers see it. */
  participant(connection: Connection): Participant {
    return toParticipant(connection, this.role(connection));
  }

  /** The members of a channel that joined after the one with the order `after`; at most `limit` of them. */
  roster(place: Place, after: number, limit: number): Connection[] {
    return this.#registry
      .members(place)
      .values()
      .filter(({ order }) => order > after)
      .take(limit)
      .toArray();
  }

  /** The member of the sender's channel with this id, which may be the sender; else `peer_not_found`. */
  member(sender: Connection, clientId: string): Connection {
    const member = this.#registry.members(sender).get(clientId);
    if (member === undefined) throw peerNotFound(clientId);
    return member;
  }

  /** As {@link member}, but never the sender. */
  peer(sender: Connection, clientId: string): Connection {
    const peer = this.member(sender, clientId);
    if (peer === sender) throw peerNotFound(clientId);
    return peer;
  }

  /** As {@link member}, of those who wait to be let in as well. */
  memberOrWaiting(sender: Connection, clientId: string): Connection {
    return this.#registry.waiting(sender).get(clientId) ?? this.member(sender, clientId);
  }

  /** Those who wait to be let into the sender's channel, or the one with this id; else `peer_not_found`. */
  waiting(sender: Connection, clientId: string): Connection[] {
    const waiting = this.#registry.waiting(sender);
    if (clientId === 'all') return [...waiting.values()];
    const one = waiting.get(clientId);
    if (one === undefined) throw peerNotFound(clientId);
    return [one];
  }
}

/** One answer for a peer of another room, of another channel, and of nowhere: it tells nothing apart. */
function peerNotFound(clientId: string): SignalboxError {
  return new SignalboxError('peer_not_found', `No peer here has the id ${clientId}.`);
}
