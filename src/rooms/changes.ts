import {
  type CloseName,
  type Departure,
  frameLimits,
  type RoomClosed,
  type SessionWelcome,
} from '../../generated/messages.ts';
import { type Connection, isWaiting, type MemberRecord, type Place, timestamp } from './connection.ts';
import type { Report, RoomEvent } from './events.ts';
import type { Frame } from './frame.ts';
import type { Hub } from './hub.ts';
import type { News } from './news.ts';
import type { Registry } from './registry.ts';
import { remoteConnection } from './remote-connection.ts';
import type { Change } from './room.ts';
import type { Applied, RollEntry } from './room-store.ts';
import type { Views } from './views.ts';

type Went = Extract<Change, { type: 'went' }>;

/** What a welcome says that has nothing to do with the room. */
export type WelcomeSettings = Pick<SessionWelcome, 'resumeWindowMs' | 'iceServers' | 'heartbeat' | 'limits'>;

/**
 * Carries out on this node what the rules have changed, here or elsewhere: who is in the registry, and what the clients
 * of this node are told.
 */
export class Changes {
  readonly #registry: Registry;
  readonly #views: Views;
  readonly #hub: Hub;
  readonly #news: News;
  readonly #welcome: WelcomeSettings;
  readonly #report: Report<RoomEvent>;
  /** Clients of this node whose coming is still to be applied. */
  readonly #expected = new Map<string, Connection>();
  #lastSerial = 0;

  constructor(
    registry: Registry,
    views: Views,
    hub: Hub,
    news: News,
    welcome: WelcomeSettings,
    report: Report<RoomEvent>,
  ) {
    this.#registry = registry;
    this.#views = views;
    this.#hub = hub;
    this.#news = news;
    this.#welcome = welcome;
    this.#report = report;
  }

  /** A client of this node is about to come. */
  expect(connection: Connection): void {
    this.#expected.set(connection.clientId, connection);
  }

  /** It does not come after all. */
  expectNoMore({ clientId }: Connection): void {
    this.#expected.delete(clientId);
  }

  /** Carries out a change of a room, once. */
  apply(place: Place, applied: Applied): void {
    const { change, order, cause } = applied;
    switch (change?.type) {
      case 'joined':
      case 'waits':
        return this.#arrived(place, change.member, applied);
      case 'admitted': {
        const connection = this.#registry.get(change.clientId);
        if (connection === undefined || !isWaiting(connection)) return;
        this.#news.tellOfWaited(connection, cause); // while it is none of the hosts
        this.#registry.admit(connection, order, change.joinedAt);
        return this.#welcomeIn(connection, applied);
      }
      case 'went':
        return this.#went(place, change, applied);
      case 'dissolved':
        return this.#dissolved(place, change.close, change.closed, cause);
      default:
        this.#news.tell(place, applied, cause);
    }
  }

  /**
   * One is in the roll of a channel that this node has loaded.
   *
   * @param isWatched whether anybody here is to be told, where it is new
   */
  meet(place: Place, { record, order }: RollEntry, isWatched: boolean): void {
    const known = this.#registry.get(record.clientId);
    if (known === undefined) {
      const isExpected = this.#expected.has(record.clientId);
      if (isWatched || isExpected) this.#arrived(place, record, { state: undefined, order });
      else this.#add(remoteConnection(place, record), order);
    } else if (isWaiting(known) && order > 0) {
      const { clientId, joinedAt } = record;
      this.apply(place, { state: undefined, change: { type: 'admitted', clientId, joinedAt }, order });
    }
  }

  /** The welcome of a client as the room is now: its first one, or one on another socket. */
  welcome(connection: Connection, resumed: boolean): Frame {
    return this.#hub.encode('session.welcome', this.#welcomeOf(connection, resumed));
  }

  /** One has gone without a change of its room. */
  go(connection: Connection, reason: Departure['reason']): void {
    this.#remove(connection, reason);
    if (isWaiting(connection)) this.#news.tellOfWaited(connection, undefined);
    else this.#news.went(connection, reason);
  }

  #add(connection: Connection, order: number): void {
    connection.order = order;
    connection.serial = ++this.#lastSerial;
    this.#registry.add(connection);
  }

  #arrived(place: Place, member: MemberRecord, applied: Applied): void {
    if (this.#registry.get(member.clientId) !== undefined) return; // known from the roll already
    const connection = this.#expected.get(member.clientId) ?? remoteConnection(place, member);
    this.#expected.delete(member.clientId);
    this.#add(connection, applied.order);
    if (!isWaiting(connection)) return this.#welcomeIn(connection, applied);
    if (connection.node === undefined) {
      this.#report({ type: 'connection.waiting', connection });
      this.#hub.send(connection, 'admission.waiting', {});
    }
    this.#news.tellOfWaiting(connection);
  }

  #welcomeIn(connection: Connection, applied: Applied): void {
    if (connection.node === undefined) {
      this.#report({ type: 'connection.joined', connection });
      connection.outlet.welcome(this.welcome(connection, false));
    }
    this.#news.came(connection);
    this.#news.tell(connection, applied);
  }

  #went(place: Place, { clientId, reason, ending }: Went, applied: Applied): void {
    const connection = this.#registry.get(clientId);
    if (connection !== undefined) this.#remove(connection, reason);
    if (connection?.node === undefined) {
      if (ending !== undefined) connection?.outlet.close(ending.close, ending.last);
      // Taken out by another node, which could not tell it so.
      else if (reason === 'disconnected') connection?.outlet.close('restarting');
    }
    if (connection !== undefined && isWaiting(connection))
      return this.#news.tellOfWaited(connection, applied.cause);
    if (applied.state === undefined) return this.#dismiss(place);
    if (connection !== undefined) this.#news.went(connection, reason);
    this.#news.tell(place, applied);
  }

  /** Everybody goes, and nobody stays who could be told of a departure. */
  #dissolved(
    place: Place,
    close: CloseName,
    closed: RoomClosed | undefined,
    cause: string | undefined,
  ): void {
    const by = cause === undefined ? undefined : this.#registry.membersHere(place).get(cause);
    if (closed !== undefined) {
      this.#hub.announceHere(place, 'room.closed', closed, { except: by, alsoWaiting: true });
      by?.outlet.finish(close, this.#hub.encode('room.closed', closed));
    }
    this.#news.forget(place);
    for (const connection of this.#views.everybody(place)) {
      this.#remove(connection, 'closed');
      if (connection !== by && connection.node === undefined) connection.outlet.close(close);
    }
  }

  /** The last participant has gone: nobody is left who could let anybody in. */
  #dismiss(place: Place): void {
    this.#news.forget(place);
    const waiting = [...this.#registry.waiting(place).values()];
    this.#hub.announceHere(place, 'room.closed', { by: 'empty' }, { only: waiting });
    for (const connection of waiting) {
      this.#remove(connection, 'closed');
      if (connection.node === undefined) connection.outlet.close('room_closed');
    }
  }

  #remove(connection: Connection, reason: Departure['reason']): void {
    this.#registry.remove(connection);
    if (connection.node === undefined) this.#report({ type: 'connection.left', connection, reason });
  }

  #welcomeOf(connection: Connection, resumed: boolean): SessionWelcome {
    const eldest = this.#views.roster(connection, 0, frameLimits.maxWelcomeRoster);
    const roster = eldest.includes(connection) ? eldest : [...eldest, connection];
    return {
      protocol: 'signal.v1',
      self: this.#views.participant(connection),
      room: this.#views.room(connection),
      roster: roster.map((member) => this.#views.participant(member)),
      rosterTotal: this.#registry.members(connection).size,
      resumed,
      resumeToken: connection.resumeToken,
      tokenExpiresAt: timestamp(connection.identity.expiresAt),
      ...this.#welcome,
    };
  }
}
