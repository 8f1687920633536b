import type { CloseName, Departure, Media, SessionKicked } from '../../generated/messages.ts';
import type { Broker } from './broker.ts';
import type { Changes } from './changes.ts';
import type { Clock } from './clock.ts';
import {
  type Connection,
  isWaiting,
  newResumeToken,
  type Outlet,
  type Place,
  timestamp,
  toRecord,
} from './connection.ts';
import type { Door } from './door.ts';
import { mend, regrant } from './hosts.ts';
import type { Hub } from './hub.ts';
import type { Identity } from './identity.ts';
import type { News } from './news.ts';
import { type Ready, whenFailed, whenReady } from './ready.ts';
import type { Registry } from './registry.ts';
import {
  admit,
  arrive,
  type Ending,
  leave,
  type Member,
  type Outcome,
  type Permit,
  permitted,
  type Rule,
  stopWaiting,
} from './room.ts';
import { placeKey, type RoomStore } from './room-store.ts';

/** What everybody sends at first; replaced as a whole when it changes. */
const silent: Media = { mic: 'off', camera: 'off', screen: 'off' };

/** What membership needs. */
export interface MembershipParts {
  readonly registry: Registry;
  readonly rooms: RoomStore;
  readonly broker: Broker;
  readonly hub: Hub;
  readonly news: News;
  readonly changes: Changes;
  readonly door: Door;
  /** The id of this node among others; empty where it is alone. */
  readonly node: () => string;
  readonly clock: Clock;
}

/** Who comes and goes: joins, leaves and kicks. What follows from each, `Changes` knows. */
export class Membership {
  readonly #registry: Registry;
  readonly #rooms: RoomStore;
  readonly #broker: Broker;
  readonly #hub: Hub;
  readonly #news: News;
  readonly #changes: Changes;
  readonly #door: Door;
  readonly #node: () => string;
  readonly #clock: Clock;

  constructor(parts: MembershipParts) {
    this.#registry = parts.registry;
    this.#rooms = parts.rooms;
    this.#broker = parts.broker;
    this.#hub = parts.hub;
    this.#news = parts.news;
    this.#changes = parts.changes;
    this.#door = parts.door;
    this.#node = parts.node;
    this.#clock = parts.clock;
  }

  /**
   * A client comes. The registry has it, then it is welcomed, and then the others are told; where newcomers must be
   * let in it is told to wait, and the hosts hear of it. Where a user would be refused or kept waiting, it takes the
   * place of its session that has lost its connection there, which ends. Refused as by {@link Door.checkRoom}.
   *
   * @param former its session that cannot be resumed: it ends, and leaves it its place
   */
  join(
    clientId: string,
    identity: Identity,
    { roomId, channel }: Place,
    outlet: Outlet,
    address: string,
    former?: Connection,
  ): Ready<Connection> {
    const place = { roomId, channel };
    const now = this.#clock.now();
    const connection: Connection = {
      ...place,
      placeKey: placeKey(place),
      clientId,
      node: undefined,
      serial: 0,
      resumeToken: newResumeToken(clientId),
      order: 0,
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
    const record = toRecord(connection, this.#node());
    let kept: Connection | undefined;
    this.#changes.expect(connection);
    const joined = whenFailed(
      () =>
        this.#rooms.transaction(place, (state) => {
          kept = this.#registry.members(place).get(former?.clientId ?? '');
          if (kept === undefined) this.#door.checkRoom(identity, place);
          kept ??= this.#door.keptPlace(identity, place);
          return arrive(record, now, kept !== undefined)(state);
        }),
      () => this.#changes.expectNoMore(connection),
    );
    return whenReady(joined, () => {
      const isFormer = kept?.clientId === former?.clientId;
      if (isFormer) kept?.outlet.close('replaced'); // it may have a socket still, of which it knows nothing
      const end = kept && (isFormer ? this.leave(kept, 'disconnected') : this.vacate(kept));
      return whenReady(end, () => connection);
    });
  }

  /**
   * Ends a session that has lost its connection, unless its client has come back: that, the node knows that has it. From
   * now on it cannot.
   */
  vacate(connection: Connection, reason: Departure['reason'] = 'disconnected'): Ready<unknown> {
    const { clientId, node, departing } = connection;
    if (this.#registry.get(clientId) !== connection) return undefined;
    if (departing !== undefined) return departing.then(() => this.vacate(connection, reason));
    if (node !== undefined) return this.#broker.send(node, connection, { kind: 'vacate', clientId });
    if (connection.connectionStatus !== 'disconnected') return undefined;
    const left = this.leave(connection, reason);
    if (left instanceof Promise) connection.departing = left;
    return left;
  }

  /**
   * Lets in a client that waits.
   *
   * @param by the host who decided, and knows of it
   */
  admit(connection: Connection, by?: Connection, permit?: Permit): Ready<unknown> {
    const now = this.#clock.now();
    const rule = permitted(permit, admit(asMember(connection), now, timestamp(now)));
    return this.#rooms.transaction(connection, rule, by?.clientId);
  }

  /** Turns away a client that waits; does nothing if it waits no more. Otherwise as {@link admit}. */
  deny(connection: Connection, reason: string | undefined, by: Connection, permit?: Permit): Ready<unknown> {
    const denied = this.#hub.encode('admission.denied', { ...(reason !== undefined && { reason }) });
    const stop = stopWaiting(connection.clientId, 'closed', { close: 'admission_denied', last: denied });
    const rule: Rule<Outcome> = (state) => (isWaiting(connection) ? stop(state) : { state });
    return this.#rooms.transaction(connection, permitted(permit, rule), by.clientId);
  }

  /**
   * Takes a client out and tells the others; says whether it was this call that did, since it may have gone. Refused
   * by nothing but the permit.
   *
   * @param ending how its connection is closed, on whichever node it is; without it that is left to the caller
   */
  leave(
    connection: Connection,
    reason: Departure['reason'],
    ending?: Ending,
    permit?: Permit,
  ): Ready<boolean> {
    const { clientId, departing } = connection;
    if (this.#registry.get(clientId) === undefined) return false;
    // From wherever it is by then.
    if (departing !== undefined && this.#registry.get(clientId) === connection) {
      return departing.then(() => this.leave(connection, reason, ending, permit));
    }
    const rule: Rule<Outcome> = (state) => {
      // It may be let in under way.
      if (isWaiting(connection)) return stopWaiting(clientId, reason, ending)(state);
      const members = this.#registry.members(connection);
      const isEmpty = members.size === 0 || (members.size === 1 && members.has(clientId));
      return leave(clientId, reason, { isEmpty, heirs: this.#heirs(connection, connection) }, ending)(state);
    };
    const left = this.#rooms.transaction(connection, permitted(permit, rule));
    return whenReady(left, (outcome) => outcome !== undefined);
  }

  /** Takes from those who are not in a channel what they have there: some of it was lost. Does nothing where it is whole. */
  mend(place: Place): Ready<unknown> {
    return this.#rooms.transaction(place, (state) => {
      const isMember = (clientId: string) => this.#registry.members(place).has(clientId);
      return mend(isMember, this.#heirs(place))(state);
    });
  }

  /** Gives a client the grants of a new token of the same user; does nothing if it has gone meanwhile. */
  refresh(connection: Connection, identity: Identity): Ready<unknown> {
    if (this.#registry.get(connection.clientId) === undefined) return undefined;
    const before = connection.identity;
    connection.identity = identity;
    const isRenamed = before.presenterName !== identity.presenterName;
    const tellHere = () => {
      if (isRenamed && !isWaiting(connection)) this.#news.renamed(connection);
    };
    if (isRenamed || before.host !== identity.host) this.#rooms.update(connection, undefined, tellHere);
    if (isWaiting(connection)) {
      if (identity.host) return this.admit(connection);
      if (isRenamed) this.#news.tellOfWaiting(connection);
      return undefined;
    }
    // Only a claim that changes changes anything: a host by election stays host while its tokens say nothing of it.
    if (before.host === identity.host) return undefined;
    return this.#rooms.transaction(connection, (state) => {
      if (!this.#registry.members(connection).has(connection.clientId)) return { state }; // it has gone meanwhile
      return regrant(asMember(connection), this.#heirs(connection))(state);
    });
  }

  /** Puts a client out: it is told, its outlet closes, and the others hear that it went. Otherwise as {@link leave}. */
  putOut(connection: Connection, kicked: SessionKicked, name: CloseName, permit?: Permit): Ready<boolean> {
    const last = this.#hub.encode('session.kicked', kicked);
    return this.leave(connection, 'kicked', { close: name, last }, permit);
  }

  /**
   * Who may follow the last host: those who are connected, longest present first; then who lost its connection last,
   * since it is the last to go.
   */
  *#heirs(place: Place, except?: Connection): Iterable<Member> {
    let lastLost: Connection | undefined;
    for (const member of this.#registry.members(place).values()) {
      if (member.clientId === except?.clientId) continue;
      if (member.connectionStatus === 'connected') yield asMember(member);
      else if (member.lostSerial > (lastLost?.lostSerial ?? 0)) lastLost = member;
    }
    if (lastLost) yield asMember(lastLost);
  }
}

function asMember({ clientId, identity }: Connection): Member {
  return { clientId, tokenHost: identity.host };
}
