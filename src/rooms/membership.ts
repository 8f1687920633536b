import {
  type Channel,
  type CloseName,
  channels,
  type Departure,
  frameLimits,
  type RoomClosed,
  type SessionKicked,
  type SessionWelcome,
} from '../../generated/messages.ts';
import type { LocalChatStore } from './chat.ts';
import { type Connection, newClientId, type Outlet, type Place, timestamp } from './connection.ts';
import { SignalboxError } from './errors.ts';
import type { Report, RoomEvent } from './events.ts';
import { regrant } from './hosts.ts';
import type { Hub } from './hub.ts';
import type { Identity } from './identity.ts';
import type { Registry } from './registry.ts';
import { dissolve, join, leave, type Member } from './room.ts';
import type { LocalRoomStore } from './room-store.ts';

/** What a welcome says that has nothing to do with the room. */
export type WelcomeSettings = Pick<
  SessionWelcome,
  'resumed' | 'resumeWindowMs' | 'iceServers' | 'heartbeat' | 'limits'
>;

/** Who comes and goes: joins, leaves, kicks and closed rooms, and what the others are told of them. */
export class Membership {
  readonly #registry: Registry;
  readonly #rooms: LocalRoomStore;
  readonly #hub: Hub;
  readonly #history: LocalChatStore;
  readonly #welcome: WelcomeSettings;
  readonly #report: Report<RoomEvent>;
  readonly #now: () => number;
  #lastSerial = 0;

  constructor(
    registry: Registry,
    rooms: LocalRoomStore,
    hub: Hub,
    history: LocalChatStore,
    welcome: WelcomeSettings,
    report: Report<RoomEvent>,
    now: () => number,
  ) {
    this.#registry = registry;
    this.#rooms = rooms;
    this.#hub = hub;
    this.#history = history;
    this.#welcome = welcome;
    this.#report = report;
    this.#now = now;
  }

  /** Refuses a newcomer to a locked room (`room_locked`), unless its token makes it host: no room is lost to its lock. */
  checkLock(identity: Identity, place: Place): void {
    if (identity.host || !this.#rooms.get(place)?.locked) return;
    throw new SignalboxError('room_locked', `The room ${place.roomId} is locked.`);
  }

  /** Lets a client in: the registry has it, then it is welcomed, and then the others are told. */
  join(identity: Identity, { roomId, channel }: Place, outlet: Outlet, address: string): Connection {
    const place = { roomId, channel };
    const clientId = newClientId();
    const joinedAt = this.#now();
    const rule = join({ clientId, tokenHost: identity.host }, joinedAt);
    const outcome = this.#rooms.transaction(place, rule);
    const connection: Connection = {
      ...place,
      clientId,
      serial: ++this.#lastSerial,
      order: outcome.state.lastOrder,
      joinedAt,
      outlet,
      address,
      identity,
      connectionStatus: 'connected',
      media: { mic: 'off', camera: 'off', screen: 'off' },
      handRaised: false,
      metadata: undefined,
    };
    this.#registry.add(connection);
    this.#report({ type: 'connection.joined', connection });
    this.#hub.send(connection, 'session.welcome', this.#welcomeOf(connection));
    this.#hub.came(connection);
    this.#hub.tell(place, outcome);
    return connection;
  }

  /** Takes a client out and tells the others; does nothing if it has gone. Its outlet is left to the caller. */
  leave(connection: Connection, reason: Departure['reason']): void {
    if (!this.#registry.remove(connection)) return;
    const { clientId } = connection;
    const outcome = this.#rooms.transaction(connection, leave(clientId, this.#members(connection)));
    this.#report({ type: 'connection.left', connection, reason });
    this.#hub.went(connection, reason);
    this.#hub.tell(connection, outcome);
  }

  /** Gives a client the grants of a new token of the same user; does nothing if it has gone meanwhile. */
  refresh(connection: Connection, identity: Identity): void {
    if (this.#registry.get(connection.clientId) === undefined) return;
    const before = connection.identity;
    connection.identity = identity;
    if (before.presenterName !== identity.presenterName) {
      const participants = [this.#hub.participant(connection)];
      this.#hub.announce(connection, 'presence.joined', { participants }, { except: connection }); // an upsert
    }
    // Only a claim that changes changes anything: a host by election stays host while its tokens say nothing of it.
    if (before.host === identity.host) return;
    const member: Member = { clientId: connection.clientId, tokenHost: identity.host };
    const outcome = this.#rooms.transaction(connection, regrant(member, this.#members(connection)));
    this.#hub.tell(connection, outcome);
  }

  /** Puts a client out: it is told, its outlet closes, and the others hear that it went. */
  putOut(connection: Connection, kicked: SessionKicked, name: CloseName): void {
    this.#hub.send(connection, 'session.kicked', kicked);
    connection.outlet.close(name);
    this.leave(connection, 'kicked');
  }

  /**
   * Ends a room, or one channel of it, and forgets what was said there; says how many clients were disconnected.
   *
   * @param by the host who asks for it: told last, after the answer to its message
   */
  closeRoom(roomId: string, channel: Channel | undefined, closed: RoomClosed, by?: Connection): number {
    const places = this.#registry.placesOf(roomId, channel);
    for (const place of places) this.#hub.announce(place, 'room.closed', closed, by && { except: by });
    // What was said goes everywhere, also where nobody is any more.
    for (const name of channel ? [channel] : channels) this.#history.clear({ roomId, channel: name });
    by?.outlet.finish('room_closed', this.#hub.encode('room.closed', closed));
    return this.#dissolve(places, 'room_closed', by);
  }

  /** Ends every connection, since the server stops; says how many. */
  closeAll(): number {
    return this.#dissolve(this.#registry.places(), 'restarting');
  }

  /** Ends whole rooms: nobody stays who could be told of a departure. */
  #dissolve(places: readonly Place[], name: CloseName, by?: Connection): number {
    const leaving = places.flatMap((place) => [...this.#registry.members(place).values()]);
    for (const place of places) {
      this.#rooms.transaction(place, dissolve);
      this.#hub.forget(place);
    }
    for (const connection of leaving) {
      this.#registry.remove(connection);
      if (connection !== by) connection.outlet.close(name);
      this.#report({ type: 'connection.left', connection, reason: 'closed' });
    }
    return leaving.length;
  }

  #welcomeOf(connection: Connection): SessionWelcome {
    const eldest = this.#hub.roster(connection, 0, frameLimits.maxWelcomeRoster);
    const roster = eldest.includes(connection) ? eldest : [...eldest, connection];
    return {
      protocol: 'signal.v1',
      self: this.#hub.participant(connection),
      room: this.#hub.room(connection),
      roster: roster.map((member) => this.#hub.participant(member)),
      rosterTotal: this.#registry.members(connection).size,
      tokenExpiresAt: timestamp(connection.identity.expiresAt),
      ...this.#welcome,
    };
  }

  *#members(place: Place): Iterable<Member> {
    for (const { clientId, identity } of this.#registry.members(place).values()) {
      yield { clientId, tokenHost: identity.host };
    }
  }
}
