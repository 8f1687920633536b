import {
  type CloseName,
  type Departure,
  frameLimits,
  type Media,
  type SessionKicked,
  type SessionWelcome,
} from '../../generated/messages.ts';
import type { Clock } from './clock.ts';
import {
  type Connection,
  isWaiting,
  newClientId,
  newResumeToken,
  nowhere,
  type Outlet,
  type Place,
  timestamp,
} from './connection.ts';
import type { Door } from './door.ts';
import type { Report, RoomEvent } from './events.ts';
import { regrant } from './hosts.ts';
import type { Hub } from './hub.ts';
import type { Identity } from './identity.ts';
import type { Registry } from './registry.ts';
import { arrive, join, leave, type Member, type Outcome } from './room.ts';
import { type LocalRoomStore, placeKey } from './room-store.ts';
import type { Views } from './views.ts';

/** What everybody sends at first; replaced as a whole when it changes. */
const silent: Media = { mic: 'off', camera: 'off', screen: 'off' };

/** What a welcome says that has nothing to do with the room. */
export type WelcomeSettings = Pick<SessionWelcome, 'resumeWindowMs' | 'iceServers' | 'heartbeat' | 'limits'>;

/**
 * Who comes and goes: joins, lost connections, leaves and kicks, and what the others are told of them.
 */
export class Membership {
  readonly #registry: Registry;
  readonly #rooms: LocalRoomStore;
  readonly #views: Views;
  readonly #hub: Hub;
  readonly #door: Door;
  readonly #welcome: WelcomeSettings;
  readonly #report: Report<RoomEvent>;
  readonly #clock: Clock;
  #lastSerial = 0;

  constructor(
    registry: Registry,
    rooms: LocalRoomStore,
    views: Views,
    hub: Hub,
    door: Door,
    welcome: WelcomeSettings,
    report: Report<RoomEvent>,
    clock: Clock,
  ) {
    this.#registry = registry;
    this.#rooms = rooms;
    this.#views = views;
    this.#hub = hub;
    this.#door = door;
    this.#welcome = welcome;
    this.#report = report;
    this.#clock = clock;
  }

  /**
   * A client comes. The registry has it, then it is welcomed, and then the others are told; where newcomers must be
   * let in it is told to wait, and the hosts hear of it. Where a user would be refused or kept waiting, it takes the
   * place of its session that has lost its connection there, which ends.
   */
  join(identity: Identity, { roomId, channel }: Place, outlet: Outlet, address: string): Connection {
    const place = { roomId, channel };
    const clientId = newClientId();
    const now = this.#clock.now();
    const kept = this.#door.keptPlace(identity, place);
    const rule = arrive({ clientId, tokenHost: identity.host }, now, kept !== undefined);
    const { waits, ...outcome } = this.#rooms.transaction(place, rule);
    const connection: Connection = {
      ...place,
      placeKey: placeKey(place),
      clientId,
      serial: ++this.#lastSerial,
      resumeToken: newResumeToken(),
      order: waits ? 0 : outcome.state.lastOrder,
      joinedAt: timestamp(now),
      outlet,
      address,
      identity,
      connectionStatus: 'connected',
      lostSerial: 0,
      media: silent,
      handRaised: false,
      metadata: undefined,
    };
    this.#registry.add(connection);
    if (waits) {
      this.#report({ type: 'connection.waiting', connection });
      this.#hub.send(connection, 'admission.waiting', {});
      this.#tellOfWaiting(connection);
    } else this.#welcomeIn(connection, outcome);
    if (kept) this.leave(kept, 'disconnected');
    return connection;
  }

  /**
   * Lets in a client that waits.
   *
   * @param by the host who decided, and knows of it
   */
  admit(connection: Connection, by?: Connection): void {
    const { clientId, identity } = connection;
    const now = this.#clock.now();
    this.#hub.tellHosts(connection, 'waiting.left', { clientId }, by); // while it is none of them
    const rule = join({ clientId, tokenHost: identity.host }, now);
    const outcome = this.#rooms.transaction(connection, rule);
    this.#registry.admit(connection, outcome.state.lastOrder, timestamp(now));
    this.#welcomeIn(connection, outcome);
  }

  /** Turns away a client that waits; otherwise as {@link admit}. */
  deny(connection: Connection, reason: string | undefined, by: Connection): void {
    this.#hub.send(connection, 'admission.denied', { ...(reason !== undefined && { reason }) });
    connection.outlet.close('admission_denied');
    this.leave(connection, 'closed', by);
  }

  /**
   * A client has lost its connection: it keeps its place for the resume window, and is taken out at its end. One that
   * waits to be let in has no place to keep. Does nothing if the client has gone.
   */
  lose(connection: Connection, reason: Departure['reason']): void {
    const windowMs = this.#welcome.resumeWindowMs;
    if (windowMs === 0 || isWaiting(connection)) return this.leave(connection, reason);
    if (this.#registry.get(connection.clientId) === undefined) return;
    this.#registry.lose(connection);
    connection.outlet = nowhere;
    this.#report({ type: 'connection.lost', connection });
    this.#hub.lost(connection);
    this.#clock.later(() => this.leave(connection, reason), windowMs);
    for (const old of this.#door.surplus(connection)) this.leave(old, 'disconnected');
  }

  /**
   * Takes a client out and tells the others; does nothing if it has gone. Its outlet is left to the caller.
   *
   * @param by the host who turned it away, and knows of it
   */
  leave(connection: Connection, reason: Departure['reason'], by?: Connection): void {
    if (!this.#registry.remove(connection)) return;
    const { clientId } = connection;
    this.#report({ type: 'connection.left', connection, reason });
    if (isWaiting(connection)) return this.#hub.tellHosts(connection, 'waiting.left', { clientId }, by);
    const isLast = this.#registry.members(connection).size === 0;
    const rule = leave(clientId, isLast, this.#heirs(connection));
    const outcome = this.#rooms.transaction(connection, rule);
    if (isLast) {
      this.#hub.forget(connection);
      return this.#dismiss(connection);
    }
    this.#hub.went(connection, reason);
    this.#hub.tell(connection, outcome);
  }

  /** Gives a client the grants of a new token of the same user; does nothing if it has gone meanwhile. */
  refresh(connection: Connection, identity: Identity): void {
    if (this.#registry.get(connection.clientId) === undefined) return;
    const before = connection.identity;
    connection.identity = identity;
    const isRenamed = before.presenterName !== identity.presenterName;
    if (isWaiting(connection)) {
      if (identity.host) this.admit(connection);
      else if (isRenamed) this.#tellOfWaiting(connection);
      return;
    }
    if (isRenamed) {
      const participants = [this.#views.participant(connection)];
      this.#hub.announce(connection, 'presence.joined', { participants }, { except: connection }); // an upsert
    }
    // Only a claim that changes changes anything: a host by election stays host while its tokens say nothing of it.
    if (before.host === identity.host) return;
    const member: Member = { clientId: connection.clientId, tokenHost: identity.host };
    const outcome = this.#rooms.transaction(connection, regrant(member, this.#heirs(connection)));
    this.#hub.tell(connection, outcome);
  }

  /** Puts a client out: it is told, its outlet closes, and the others hear that it went. */
  putOut(connection: Connection, kicked: SessionKicked, name: CloseName): void {
    this.#hub.send(connection, 'session.kicked', kicked);
    connection.outlet.close(name);
    this.leave(connection, 'kicked');
  }

  /** The last participant has gone: nobody is left who could let anybody in. */
  #dismiss(place: Place): void {
    const waiting = [...this.#registry.waiting(place).values()];
    this.#hub.announce(place, 'room.closed', { by: 'empty' }, { only: waiting });
    for (const connection of waiting) {
      connection.outlet.close('room_closed');
      this.leave(connection, 'closed');
    }
  }

  #welcomeIn(connection: Connection, outcome: Outcome): void {
    this.#report({ type: 'connection.joined', connection });
    this.#hub.send(connection, 'session.welcome', this.#welcomeOf(connection));
    this.#hub.came(connection);
    this.#hub.tell(connection, outcome);
  }

  #tellOfWaiting(connection: Connection): void {
    this.#hub.tellHosts(connection, 'waiting.joined', { participant: this.#views.participant(connection) });
  }

  #welcomeOf(connection: Connection): SessionWelcome {
    const eldest = this.#views.roster(connection, 0, frameLimits.maxWelcomeRoster);
    const roster = eldest.includes(connection) ? eldest : [...eldest, connection];
    return {
      protocol: 'signal.v1',
      self: this.#views.participant(connection),
      room: this.#views.room(connection),
      roster: roster.map((member) => this.#views.participant(member)),
      rosterTotal: this.#registry.members(connection).size,
      resumed: false,
      resumeToken: connection.resumeToken,
      tokenExpiresAt: timestamp(connection.identity.expiresAt),
      ...this.#welcome,
    };
  }

  /**
   * Who may follow the last host: those who are connected, longest present first; then who lost its connection last,
   * since it is the last to go.
   */
  *#heirs(place: Place): Iterable<Member> {
    let lastLost: Connection | undefined;
    for (const member of this.#registry.members(place).values()) {
      if (member.connectionStatus === 'connected') yield asMember(member);
      else if (member.lostSerial > (lastLost?.lostSerial ?? 0)) lastLost = member;
    }
    if (lastLost) yield asMember(lastLost);
  }
}

function asMember({ clientId, identity }: Connection): Member {
  return { clientId, tokenHost: identity.host };
}
