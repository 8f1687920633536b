import type {
  Channel,
  Departure,
  Notice,
  PassedMessageType,
  ServerMessageType,
  ServerPayloads,
} from '../../generated/messages.ts';
import type { Clock } from './clock.ts';
import type { Connection, Place } from './connection.ts';
import { SignalboxError } from './errors.ts';
import { encodeFrame, type Frame, frameOf, type Source, type Stamp } from './frame.ts';
import { Presence, type PresenceBatch } from './presence.ts';
import type { Registry } from './registry.ts';
import type { Outcome } from './room.ts';
import type { LocalRoomStore } from './room-store.ts';
import type { Views } from './views.ts';

/** From so many members on, presence is gathered for longer than usual. */
const largeRoom = 500;

/** Who receives an announcement, where it is not every member of the channel. */
export interface Audience {
  readonly only?: Iterable<Connection>;
  readonly except?: Connection | undefined;
  /** Those who wait to be let in as well. */
  readonly alsoWaiting?: boolean;
}

/**
 * The ways of a message from one client to others.
 *
 * Delivery: frames of one sender reach one recipient in the order in which they were sent, announcements and
 * direct messages together. An announcement is encoded once, and its bytes are the same for everybody.
 */
export class Hub {
  readonly #registry: Registry;
  readonly #rooms: LocalRoomStore;
  readonly #views: Views;
  readonly #presence: Presence;
  readonly #now: () => number;

  constructor(
    registry: Registry,
    rooms: LocalRoomStore,
    views: Views,
    presenceWindowMs: number,
    { now, later }: Clock,
  ) {
    this.#registry = registry;
    this.#rooms = rooms;
    this.#views = views;
    // Each change is for each member: in larger rooms they are gathered for longer, so that a second has as many frames.
    const windowOf = (place: Place) =>
      presenceWindowMs * Math.max(1, registry.members(place).size / largeRoom);
    this.#presence = new Presence(windowOf, (batch) => this.#tellPresence(batch), later);
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
    const { outlet } = this.#peer(sender, to);
    outlet.send(this.encode(type, payload, { from: sender.clientId }));
  }

  /** Relays a message as its sender wrote it, but for `to`. */
  pass(sender: Connection, to: string, type: PassedMessageType, source: Source): void {
    const { outlet } = this.#peer(sender, to);
    outlet.send(frameOf(type, source.without('to'), this.#now(), { from: sender.clientId }));
  }

  /** Sends a message to the members of a channel of a room, or to some; says to how many it was written. */
  announce<T extends ServerMessageType>(
    place: Place,
    type: T,
    payload: ServerPayloads[T],
    { only, except, alsoWaiting = false, ...stamp }: Audience & Stamp = {},
  ): number {
    this.#presence.flush(place, stamp.from);
    const frame = this.encode(type, payload, stamp);
    const count = deliver(frame, only ?? this.#registry.members(place).values(), except);
    return alsoWaiting ? count + deliver(frame, this.#registry.waiting(place).values(), except) : count;
  }

  /** Sends a message to the hosts of a channel. */
  tellHosts<T extends ServerMessageType>(
    place: Place,
    type: T,
    payload: ServerPayloads[T],
    except?: Connection,
  ): void {
    const members = this.#registry.members(place);
    const hosts = this.#rooms.get(place)?.hosts ?? [];
    // Says nothing of who is in the room, and so need not come after what is still to be told of that.
    const told = hosts.flatMap((host) => members.get(host) ?? []);
    deliver(this.encode(type, payload), told, except);
  }

  /** Tells one who is host from now on who waits to be let in. */
  tellWaiting(host: Connection): void {
    for (const waiting of this.#registry.waiting(host).values()) {
      this.send(host, 'waiting.joined', { participant: this.#views.participant(waiting) });
    }
  }

  /** Tells the others of a newcomer: at once, or with all who come while a storm lasts. */
  came(connection: Connection): void {
    this.#presence.joined(connection);
  }

  /** Tells the others of one who went; as with {@link came}. */
  went(connection: Connection, reason: Departure['reason']): void {
    this.#presence.left(connection, reason);
  }

  /** Tells the others of one who has lost its connection and may come back; as with {@link came}. */
  lost(connection: Connection): void {
    this.#presence.lost(connection);
  }

  /** Somebody reads the roster, and so knows of those whose coming is still to be told. */
  readRoster(place: Place): void {
    this.#presence.read(place);
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
  tell(place: Place, { state, hostChange, promoted = '', ended = [] }: Outcome, cause?: Connection): void {
    for (const { shareId } of ended) {
      this.announce(place, 'screen.stopped', { shareId }, cause && { from: cause.clientId, except: cause });
    }
    if (state !== undefined && hostChange !== undefined) {
      this.announce(place, 'host.changed', { hosts: [...state.hosts], reason: hostChange });
    }
    const host = this.#registry.members(place).get(promoted);
    if (host !== undefined) this.tellWaiting(host);
  }

  /** Sends a notice to everybody in a room, or in one channel of it, and to those who wait; says to how many. */
  broadcast(roomId: string, channel: Channel | undefined, notice: Notice): number {
    const places = this.#registry.placesOf(roomId, channel);
    const send = (place: Place) => this.announce(place, 'notice', notice, { alsoWaiting: true });
    return places.reduce((count, place) => count + send(place), 0);
  }

  /** The member of the sender's channel with this id, which may be the sender; else `peer_not_found`. */
  member(sender: Connection, clientId: string): Connection {
    const member = this.#registry.members(sender).get(clientId);
    if (member === undefined) throw peerNotFound(clientId);
    return member;
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

  /** Whom the sender means, who has been told of the sender by now. */
  #peer(sender: Connection, to: string): Connection {
    const peer = this.member(sender, to);
    if (peer === sender) throw peerNotFound(to);
    this.#presence.flush(sender, sender.clientId);
    return peer;
  }

  #tellPresence({ place, joined, lost, departures }: PresenceBatch): void {
    const [one, ...others] = lost;
    const isOne = one !== undefined && others.length === 0;
    // Of many, all at once: an upsert says of each how it is now.
    const upserts = isOne ? joined : [...joined, ...lost];
    const participants = upserts.map((connection) => this.#views.participant(connection));
    const except = upserts.length === 1 ? upserts[0] : undefined;
    if (participants.length > 0) this.announce(place, 'presence.joined', { participants }, { except });
    if (isOne) {
      const { clientId, connectionStatus } = one;
      this.announce(place, 'presence.updated', { clientId, connectionStatus });
    }
    if (departures.length > 0) this.announce(place, 'presence.left', { departures: [...departures] });
  }
}

/** Hands a frame to whoever is connected, and says to how many. */
function deliver(frame: Frame, to: Iterable<Connection>, except: Connection | undefined): number {
  let count = 0;
  for (const connection of to) {
    if (connection === except || connection.connectionStatus === 'disconnected') continue;
    connection.outlet.send(frame);
    count += 1;
  }
  return count;
}

/** One answer for a peer of another room, of another channel, and of nowhere: it tells nothing apart. */
function peerNotFound(clientId: string): SignalboxError {
  return new SignalboxError('peer_not_found', `No peer here has the id ${clientId}.`);
}
