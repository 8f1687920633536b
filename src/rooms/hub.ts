import type {
  Channel,
  Departure,
  Notice,
  Participant,
  Room,
  ServerMessageType,
  ServerPayloads,
} from '../../generated/messages.ts';
import { type Connection, type Place, timestamp, toParticipant } from './connection.ts';
import { SignalboxError } from './errors.ts';
import { encodeFrame, type Frame, type Stamp } from './frame.ts';
import { Presence, type PresenceBatch } from './presence.ts';
import type { Registry } from './registry.ts';
import type { Outcome } from './room.ts';
import type { LocalRoomStore } from './room-store.ts';

/** How long a storm of joins and leaves is gathered before the others are told of it, and how to wait. */
export interface PresenceTiming {
  readonly windowMs: number;
  readonly later: (run: () => void, ms: number) => void;
}

/** Who receives an announcement, where it is not everybody in the channel. */
export interface Audience {
  readonly only?: Iterable<Connection>;
  readonly except?: Connection;
}

/**
 * The ways of a message from one client to others, and what each sees of the others.
 *
 * Delivery: frames of one sender reach one recipient in the order in which they were sent, announcements and
 * direct messages together. An announcement is encoded once, and its bytes are the same for everybody.
 */
export class Hub {
  readonly #registry: Registry;
  readonly #rooms: LocalRoomStore;
  readonly #presence: Presence;
  readonly #now: () => number;

  constructor(registry: Registry, rooms: LocalRoomStore, timing: PresenceTiming, now: () => number) {
    this.#registry = registry;
    this.#rooms = rooms;
    this.#presence = new Presence(timing.windowMs, (batch) => this.#tellPresence(batch), timing.later);
    this.#now = now;
  }

  /** Sends a message to one client, by the server itself. */
  send<T extends ServerMessageType>(
    { outlet }: Connection,
    type: T,
    payload: ServerPayloads[T],
    stamp?: Stamp,
  ): void {
    outlet.send(this.encode(type, payload, stamp));
  }

  /** A message as it goes on the wire now. */
  encode<T extends ServerMessageType>(type: T, payload: ServerPayloads[T], stamp?: Stamp): Frame {
    return encodeFrame(type, payload, this.#now(), stamp);
  }

  /** Sends a message from one client to another; refused with `peer_not_found` where there is no such other. */
  relay<T extends ServerMessageType>(
    sender: Connection,
    to: string,
    type: T,
    payload: ServerPayloads[T],
  ): void {
    const peer = this.member(sender, to);
    if (peer === sender) throw peerNotFound(to);
    this.#presence.flush(sender, sender.clientId);
    this.send(peer, type, payload, { from: sender.clientId });
  }

  /** Sends a message to everybody in a channel of a room, or to some; says to how many. */
  announce<T extends ServerMessageType>(
    place: Place,
    type: T,
    payload: ServerPayloads[T],
    { only, except, ...stamp }: Audience & Stamp = {},
  ): number {
    this.#presence.flush(place, stamp.from);
    const frame = this.encode(type, payload, stamp);
    let count = 0;
    for (const { outlet, clientId } of only ?? this.#registry.members(place).values()) {
      if (clientId === except?.clientId) continue;
      outlet.send(frame);
      count += 1;
    }
    return count;
  }

  /** Tells the others of a newcomer: at once, or with all who come while a storm lasts. */
  came(connection: Connection): void {
    this.#presence.joined(connection);
  }

  /** Tells the others of one who went; as with {@link came}. */
  went(connection: Connection, reason: Departure['reason']): void {
    this.#presence.left(connection, reason);
  }

  /** Tells now who came and went, so that what is read next is no news. */
  settle(place: Place): void {
    this.#presence.flush(place);
  }

  /** A channel is over: nobody is left to be told of anything. */
  forget(place: Place): void {
    this.#presence.forget(place);
  }

  /**
   * Tells the members of a channel what a rule has changed.
   *
   * @param cause who made the change, and knows of it by the answer to its message
   */
  tell(place: Place, { state, hostChange, ended = [] }: Outcome, cause?: Connection): void {
    for (const { shareId } of ended) {
      this.announce(place, 'screen.stopped', { shareId }, cause && { from: cause.clientId, except: cause });
    }
    if (state !== undefined && hostChange !== undefined) {
      this.announce(place, 'host.changed', { hosts: [...state.hosts], reason: hostChange });
    }
  }

  /** Sends a notice to everybody in a room, or in one channel of it; says to how many. */
  broadcast(roomId: string, channel: Channel | undefined, notice: Notice): number {
    const places = this.#registry.placesOf(roomId, channel);
    return places.reduce((count, place) => count + this.announce(place, 'notice', notice), 0);
  }

  /** The member of the sender's channel with this id, which may be the sender; else `peer_not_found`. */
  member(sender: Connection, clientId: string): Connection {
    const member = this.#registry.members(sender).get(clientId);
    if (member === undefined) throw peerNotFound(clientId);
    return member;
  }

  /** The members of a channel of a room, longest present first. */
  members(place: Place): Connection[] {
    return [...this.#registry.members(place).values()];
  }

  /** How many are in a channel of a room. */
  count(place: Place): number {
    return this.#registry.members(place).size;
  }

  /** Whether anybody is in a room, or in one channel of it. */
  hasRoom(roomId: string, channel: Channel | undefined): boolean {
    return this.#registry.placesOf(roomId, channel).length > 0;
  }

  /** A channel of a room as its members see it. */
  room(place: Place): Room {
    const { roomId, channel } = place;
    const { hosts = [], shares = [], locked = false, createdAt = this.#now() } = this.#rooms.get(place) ?? {};
    return {
      roomId,
      channel,
      locked,
      admission: 'open',
      hosts: [...hosts],
      shares: [...shares],
      participantCount: this.#registry.members(place).size,
      createdAt: timestamp(createdAt),
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

  /** A connection as its peers see it. */
  participant(connection: Connection): Participant {
    return toParticipant(connection, this.isHost(connection));
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

  #tellPresence({ place, joined, departures }: PresenceBatch): void {
    const participants = joined.map((connection) => this.participant(connection));
    const [only, ...more] = joined;
    const except = only && more.length === 0 ? { except: only } : {};
    if (participants.length > 0) this.announce(place, 'presence.joined', { participants }, except);
    if (departures.length > 0) this.announce(place, 'presence.left', { departures: [...departures] });
  }
}

/** One answer for a peer of another room, of another channel, and of nowhere: it tells nothing apart. */
function peerNotFound(clientId: string): SignalboxError {
  return new SignalboxError('peer_not_found', `No peer here has the id ${clientId}.`);
}
