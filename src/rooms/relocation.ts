import type { Absence } from './absence.ts';
import type { Carriage, SessionParcel } from './carriage.ts';
import { type Connection, isWaiting, type MemberRecord, type Place } from './connection.ts';
import type { Report, RoomEvent } from './events.ts';
import type { Membership } from './membership.ts';
import type { News } from './news.ts';
import { tryTo } from './ready.ts';
import type { Registry } from './registry.ts';
import { remoteConnection } from './remote-connection.ts';
import { placeKey } from './room-store.ts';

/** What moving needs. */
export interface RelocationParts {
  readonly registry: Registry;
  readonly news: News;
  readonly membership: Membership;
  readonly absence: Absence;
  readonly node: () => string;
  readonly report: Report<RoomEvent>;
}

interface Departure {
  readonly claim: string;
  readonly received: number;
  readonly parcel: PromiseWithResolvers<SessionParcel | undefined>;
  /** Whether it has all that it was sent. */
  isWhole: boolean;
}

interface Arrival {
  readonly resumeToken: string;
  readonly onArrived: () => void;
  /** Once its session is on this node. */
  connection: Connection | undefined;
}

/** Sessions that have lost their connections, and move to the node where their clients have come back. */
export class Relocation {
  readonly #parts: RelocationParts;
  /** By the `clientId`; those that are about to go, and those that are about to come, by the claim. */
  readonly #departures = new Map<string, Departure>();
  readonly #arrivals = new Map<string, Arrival>();
  #carriage: Carriage | undefined;

  constructor(parts: RelocationParts) {
    this.#parts = parts;
  }

  /** Says who knows what a session is; to be called once, before anything else. */
  carriedBy(carriage: Carriage): void {
    this.#carriage = carriage;
  }

  /** The member with this id whose session is on this node, and stays there as far as is known. */
  here(place: Place, clientId: string): Connection | undefined {
    const connection = this.#member(place, clientId);
    if (connection?.node !== undefined || connection?.departing !== undefined) return undefined;
    // One that is still to be settled has nothing to give.
    return this.#arrivals.values().some((arrival) => arrival.connection === connection)
      ? undefined
      : connection;
  }

  /** The member with this id whose session is on another node. */
  elsewhere(place: Place, clientId: string): Connection | undefined {
    const connection = this.#member(place, clientId);
    return connection?.node === undefined ? undefined : connection;
  }

  /** As {@link Carriage.detach}. */
  async detach(connection: Connection, received: number): Promise<boolean> {
    return (await this.#carriage?.detach(connection, received)) === true;
  }

  /**
   * A session is about to go from this node. Resolves with all that it is, when it has gone; `undefined` where that could
   * not be kept together, or it does not go.
   */
  depart(connection: Connection, claim: string, received: number): Promise<SessionParcel | undefined> {
    const parcel = Promise.withResolvers<SessionParcel | undefined>();
    this.#departures.set(connection.clientId, { claim, received, parcel, isWhole: true });
    connection.departing = parcel.promise;
    return parcel.promise;
  }

  /** It does not go after all. Does nothing if it has. */
  stay(connection: Connection): void {
    const departure = this.#departures.get(connection.clientId);
    if (departure === undefined || connection.departing !== departure.parcel.promise) return;
    this.#departures.delete(connection.clientId);
    connection.departing = undefined;
    departure.parcel.resolve(undefined);
  }

  /** A session is about to come to this node. */
  expect(claim: string, resumeToken: string, onArrived: () => void): void {
    this.#arrivals.set(claim, { resumeToken, onArrived, connection: undefined });
  }

  /** All that it is has come: gives its connection, or nothing where its client cannot go on. */
  settle(claim: string, parcel: SessionParcel): Connection | undefined {
    const connection = this.#arrivals.get(claim)?.connection;
    if (connection === undefined || this.#parts.registry.get(connection.clientId) !== connection)
      return undefined;
    if (this.#carriage?.unpack(connection, parcel) !== true) return undefined;
    this.#arrivals.delete(claim);
    this.#parts.absence.await(connection, 'disconnected');
    return connection;
  }

  /** It is not waited for any more: it ends, where it has come. Does nothing where it is settled. */
  giveUp(claim: string): void {
    const connection = this.#arrivals.get(claim)?.connection;
    this.#arrivals.delete(claim);
    if (connection !== undefined) this.#end(connection);
  }

  /** What was said in some rooms may have been missed: nobody who is on the way has all of it. */
  spoil(): void {
    for (const departure of this.#departures.values()) departure.isWhole = false;
    for (const claim of [...this.#arrivals.keys()]) this.giveUp(claim);
  }

  /** A session is on another node from here on, or on this one. */
  move(record: MemberRecord, claim: string | undefined): void {
    const { registry, news, node } = this.#parts;
    const before = registry.get(record.clientId);
    if (before === undefined || isWaiting(before)) return;
    if (record.node === (before.node ?? node())) return;
    const arrival = this.#arrivals.get(claim ?? '');
    const isComing = record.node === node() && arrival !== undefined;
    // It has been told by one node of all that was before, and is by the other of all that comes after.
    if (isComing || before.node === undefined) news.flush(before);
    const there = remoteConnection(before, record);
    if (isComing) this.#arrive(before, there, arrival);
    else if (before.node === undefined) this.#leave(before, there, claim);
    else registry.replace(before, there);
    // Nobody waits for it here any more.
    if (record.node === node() && !isComing) this.#end(there);
  }

  #arrive(before: Connection, there: Connection, arrival: Arrival): void {
    const outlet = this.#carriage?.open() ?? there.outlet;
    const { resumeToken } = arrival;
    const state = { node: undefined, resumeToken, outlet, connectionStatus: 'disconnected' } as const;
    const connection: Connection = { ...there, ...state };
    this.#parts.registry.replace(before, connection);
    arrival.connection = connection;
    arrival.onArrived();
  }

  #leave(connection: Connection, there: Connection, claim: string | undefined): void {
    const { registry, report } = this.#parts;
    const departure = this.#departures.get(connection.clientId);
    this.#departures.delete(connection.clientId);
    const isWhole = departure?.isWhole === true && departure.claim === claim;
    const parcel = isWhole ? this.#carriage?.pack(connection, departure.received) : undefined;
    connection.departing ??= Promise.resolve();
    connection.lostSerial = 0; // nobody takes it out from here at the end of its window
    registry.replace(connection, there);
    connection.outlet.close('restarting');
    report({ type: 'connection.moved', connection });
    departure?.parcel.resolve(parcel);
  }

  #end(connection: Connection): void {
    const { membership, registry } = this.#parts;
    if (registry.get(connection.clientId) !== connection) return;
    // What cannot be said now is owed, or found when the room is loaded.
    tryTo(() => membership.leave(connection, 'disconnected'));
  }

  #member(place: Place, clientId: string): Connection | undefined {
    const connection = this.#parts.registry.get(clientId);
    if (connection === undefined || isWaiting(connection)) return undefined;
    return placeKey(connection) === placeKey(place) ? connection : undefined;
  }
}
