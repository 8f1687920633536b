import type {
  Channel,
  CloseName,
  Departure,
  Room,
  RoomClosed,
  SessionKicked,
  SessionWelcome,
} from '../../generated/messages.ts';
import { type Connection, newClientId, type Outlet, type Place, timestamp } from './connection.ts';
import type { Report, RoomEvent } from './events.ts';
import type { Hub } from './hub.ts';
import type { Identity } from './identity.ts';
import type { Registry } from './registry.ts';
import { dissolve, type HostChange, join, leave, type Member, regrant } from './room.ts';
import type { LocalRoomStore } from './room-store.ts';

/** What a welcome says that has nothing to do with the room. */
export type WelcomeSettings = Pick<
  SessionWelcome,
  'resumed' | 'resumeWindowMs' | 'iceServers' | 'heartbeat' | 'limits'
>;

/** A roster up to this size fits into the welcome; the rest is asked for in pages. */
const welcomeRosterSize = 200;

/** Who comes and goes: joins, leaves, kicks and closed rooms, and what the others are told of them. */
export class Membership {
  readonly #registry: Registry;
  readonly #rooms: LocalRoomStore;
  readonly #hub: Hub;
  readonly #welcome: WelcomeSettings;
  readonly #report: Report<RoomEvent>;
  readonly #now: () => number;

  constructor(
    registry: Registry,
    rooms: LocalRoomStore,
    hub: Hub,
    welcome: WelcomeSettings,
    report: Report<RoomEvent>,
    now: () => number,
  ) {
    this.#registry = registry;
    this.#rooms = rooms;
    this.#hub = hub;
    this.#welcome = welcome;
    this.#report = report;
    this.#now = now;
  }

  /** Lets a client in: the registry has it, then it is welcomed, and then the others are told. */
  join(identity: Identity, { roomId, channel }: Place, outlet: Outlet): Connection {
    const place = { roomId, channel };
    const clientId = newClientId();
    const joinedAt = this.#now();
    const rule = join({ clientId, tokenHost: identity.host }, joinedAt);
    const { state, hostChange } = this.#rooms.transaction(place, rule);
    const connection: Connection = {
      ...place,
      clientId,
      order: state.lastOrder,
      joinedAt,
      outlet,
      identity,
      connectionStatus: 'connected',
      handRaised: false,
      metadata: undefined,
    };
    this.#registry.add(connection);
    this.#report({ type: 'connection.joined', connection });
    this.#hub.send(connection, 'session.welcome', this.#welcomeOf(connection));
    const participants = [this.#hub.participant(connection)];
    this.#hub.announce(place, 'presence.joined', { participants }, { except: connection });
    this.#announceHosts(place, hostChange);
    return connection;
  }

  /** Takes a client out and tells the others; does nothing if it has gone. Its outlet is left to the caller. */
  leave(connection: Connection, reason: Departure['reason']): void {
    if (!this.#registry.remove(connection)) return;
    const { clientId } = connection;
    const { hostChange } = this.#rooms.transaction(connection, leave(clientId, this.#members(connection)));
    this.#report({ type: 'connection.left', connection, reason });
    this.#hub.announce(connection, 'presence.left', { departures: [{ clientId, reason }] });
    this.#announceHosts(connection, hostChange);
  }

  /** Gives a client the grants of a new token of the same user; does nothing if it has gone meanwhile. */
  refresh(connection: Connection, identity: Identity): void {
    if (this.#registry.get(connection.clientId) === undefined) return;
    const tokenHostBefore = connection.identity.host;
    connection.identity = identity;
    // A host by election stays host whatever its tokens say.
    if (tokenHostBefore === identity.host) return;
    const member: Member = { clientId: connection.clientId, tokenHost: identity.host };
    const { hostChange } = this.#rooms.transaction(connection, regrant(member, this.#members(connection)));
    this.#announceHosts(connection, hostChange);
  }

  /** Puts a client out; `undefined` if there is none with this id. */
  kick(clientId: string, kicked: SessionKicked): Connection | undefined {
    const connection = this.#registry.get(clientId);
    if (connection === undefined) return undefined;
    this.#hub.send(connection, 'session.kicked', kicked);
    connection.outlet.close('kicked');
    this.leave(connection, 'kicked');
    return connection;
  }

  /** Ends a room, or one channel of it; says how many clients were disconnected. */
  closeRoom(roomId: string, channel: Channel | undefined, closed: RoomClosed): number {
    const places = this.#registry.placesOf(roomId, channel);
    for (const place of places) this.#hub.announce(place, 'room.closed', closed);
    return this.#dissolve(places, 'room_closed');
  }

  /** Ends every connection, since the server stops; says how many. */
  closeAll(): number {
    return this.#dissolve(this.#registry.places(), 'restarting');
  }

  /** Ends whole rooms: nobody stays who could be told of a departure. */
  #dissolve(places: readonly Place[], name: CloseName): number {
    const leaving = places.flatMap((place) => [...this.#registry.members(place).values()]);
    for (const place of places) this.#rooms.transaction(place, dissolve);
    for (const connection of leaving) {
      this.#registry.remove(connection);
      connection.outlet.close(name);
      this.#report({ type: 'connection.left', connection, reason: 'closed' });
    }
    return leaving.length;
  }

  #welcomeOf(connection: Connection): SessionWelcome {
    const eldest = this.#hub.roster(connection, 0, welcomeRosterSize);
    const roster = eldest.includes(connection) ? eldest : [...eldest, connection];
    return {
      protocol: 'signal.v1',
      self: this.#hub.participant(connection),
      room: this.#room(connection),
      roster: roster.map((member) => this.#hub.participant(member)),
      rosterTotal: this.#registry.members(connection).size,
      tokenExpiresAt: timestamp(connection.identity.expiresAt),
      ...this.#welcome,
    };
  }

  #room(place: Place): Room {
    const { roomId, channel } = place;
    const { hosts, createdAt } = this.#rooms.get(place) ?? { hosts: [], createdAt: this.#now() };
    return {
      roomId,
      channel,
      locked: false,
      admission: 'open',
      hosts: [...hosts],
      participantCount: this.#registry.members(place).size,
      createdAt: timestamp(createdAt),
    };
  }

  #announceHosts(place: Place, reason: HostChange): void {
    if (reason === undefined) return;
    this.#hub.announce(place, 'host.changed', { hosts: [...(this.#rooms.get(place)?.hosts ?? [])], reason });
  }

  *#members(place: Place): Iterable<Member> {
    for (const { clientId, identity } of this.#registry.members(place).values()) {
      yield { clientId, tokenHost: identity.host };
    }
  }
}
