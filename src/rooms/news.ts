import type { Departure, ServerMessageType, ServerPayloads } from '../../generated/messages.ts';
import type { Clock } from './clock.ts';
import type { Connection, Place } from './connection.ts';
import type { Hub } from './hub.ts';
import { Presence, type PresenceBatch } from './presence.ts';
import type { Registry } from './registry.ts';
import type { Outcome, RoomState } from './room.ts';
import type { RoomStore, Said } from './room-store.ts';
import type { Views } from './views.ts';

/** From so many members on, presence is gathered for longer than usual. */
const largeRoom = 500;

/**
 * What the clients of this node are told of who comes and goes, and of what changes about their rooms. Each node tells
 * its own: all of them hear of the same changes, in the same order.
 */
export class News {
  readonly #registry: Registry;
  readonly #rooms: RoomStore;
  readonly #views: Views;
  readonly #hub: Hub;
  readonly #presence: Presence;

  constructor(
    registry: Registry,
    rooms: RoomStore,
    views: Views,
    hub: Hub,
    presenceWindowMs: number,
    { later }: Pick<Clock, 'later'>,
  ) {
    this.#registry = registry;
    this.#rooms = rooms;
    this.#views = views;
    this.#hub = hub;
    // Each change is for each member: in larger rooms they are gathered for longer, so that a second has as many frames.
    const windowOf = (place: Place) =>
      presenceWindowMs * Math.max(1, registry.members(place).size / largeRoom);
    this.#presence = new Presence(windowOf, (batch) => this.#tellPresence(batch), later);
    hub.tellsFirst((place, sender) => this.#presence.flush(place, sender));
  }

  /** Tells the others of a newcomer: at once, or with all who come while a storm lasts. */
  came(connection: Connection): void {
    this.#presence.joined(connection);
  }

  /** Tells the others of one who went; as with {@link came}. */
  went(connection: Connection, reason: Departure['reason']): void {
    this.#presence.left(connection, reason);
  }

  /** Tells of one who has lost its connection and may come back, or has come back; as with {@link came}. */
  turned(connection: Connection): void {
    this.#presence.turned(connection);
  }

  /** Tells the others what one of them has said of itself. */
  said(connection: Connection, { type, payload }: Said): void {
    const options = { from: connection.clientId, except: connection };
    this.#hub.announceHere(connection, type, payload, options);
  }

  /** Tells the others how one of them is from now on: what it is called, above all. */
  renamed(connection: Connection): void {
    const participants = [this.#views.participant(connection)];
    this.#hub.announceHere(connection, 'presence.joined', { participants }, { except: connection }); // an upsert
  }

  /** Somebody reads the roster, and so knows of those whose coming is still to be told. */
  readRoster(place: Place): void {
    this.#presence.read(place);
  }

  /** Tells now what is still to be told of who comes and goes. */
  flush(place: Place): void {
    this.#presence.flush(place);
  }

  /** A channel is over: nobody is left to be told of anything. */
  forget(place: Place): void {
    this.#presence.forget(place);
  }

  /** Sends a message to the hosts of a channel. */
  tellHosts<T extends ServerMessageType>(
    place: Place,
    type: T,
    payload: ServerPayloads[T],
    except?: string,
  ): void {
    const members = this.#registry.membersHere(place);
    const hosts = this.#rooms.get(place)?.hosts ?? [];
    // Says nothing of who is in the room, and so need not come after what is still to be told of that.
    const frame = this.#hub.encode(type, payload);
    for (const host of hosts) {
      const member = members.get(host);
      if (host !== except) member?.outlet.send(frame);
    }
  }

  /** Tells the hosts of one who waits to be let in. */
  tellOfWaiting(connection: Connection): void {
    this.tellHosts(connection, 'waiting.joined', { participant: this.#views.participant(connection) });
  }

  /** Tells the hosts of one who waits no more. */
  tellOfWaited(connection: Connection, cause: string | undefined): void {
    this.tellHosts(connection, 'waiting.left', { clientId: connection.clientId }, cause);
  }

  /**
   * Tells the members of a channel what a rule has changed.
   *
   * @param cause the `clientId` of who made the change, and knows of it by the answer to its message
   */
  tell(place: Place, outcome: Outcome, cause?: string): void {
    const { state, hostChange, promoted = '', ended = [], started, isUpdated = false } = outcome;
    const causer = cause === undefined ? undefined : this.#registry.get(cause);
    const by = cause === undefined ? {} : { from: cause, except: causer };
    for (const { shareId } of ended) this.#hub.announceHere(place, 'screen.stopped', { shareId }, by);
    if (started !== undefined) this.#hub.announceHere(place, 'screen.started', started, by);
    if (isUpdated) this.#hub.announceHere(place, 'room.updated', { room: this.#views.room(place) });
    if (state !== undefined && hostChange !== undefined) {
      this.#hub.announceHere(place, 'host.changed', { hosts: [...state.hosts], reason: hostChange });
    }
    const host = this.#registry.membersHere(place).get(promoted);
    if (host !== undefined) this.#tellWaiting(host);
  }

  /** Tells the members of a channel how it is now, where changes of it may have been missed. */
  changed(place: Place, before: RoomState): void {
    const state = this.#rooms.get(place);
    if (state === undefined || JSON.stringify(state) === JSON.stringify(before)) return;
    this.#hub.announceHere(place, 'room.updated', { room: this.#views.room(place) });
    for (const host of state.hosts.filter((clientId) => !before.hosts.includes(clientId))) {
      const member = this.#registry.membersHere(place).get(host);
      if (member !== undefined) this.#tellWaiting(member);
    }
  }

  /** Tells one who is host from now on who waits to be let in. */
  #tellWaiting(host: Connection): void {
    for (const waiting of this.#registry.waiting(host).values()) {
      this.#hub.send(host, 'waiting.joined', { participant: this.#views.participant(waiting) });
    }
  }

  #tellPresence({ place, joined, turned, departures }: PresenceBatch): void {
    const [one, ...others] = turned;
    const isOne = one !== undefined && others.length === 0;
    // Of many, all at once: an upsert says of each how it is now.
    const upserts = isOne ? joined : [...joined, ...turned];
    const participants = upserts.map((connection) => this.#views.participant(connection));
    const except = upserts.length === 1 ? upserts[0] : undefined;
    if (participants.length > 0)
      this.#hub.announceHere(place, 'presence.joined', { participants }, { except });
    if (isOne) {
      const { clientId, connectionStatus } = one;
      // Who is back is told of it as well: of its loss it may have heard with that of others.
      const options = connectionStatus === 'connected' ? {} : { except: one };
      this.#hub.announceHere(place, 'presence.updated', { clientId, connectionStatus }, options);
    }
    if (departures.length > 0)
      this.#hub.announceHere(place, 'presence.left', { departures: [...departures] });
  }
}
