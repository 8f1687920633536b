import type { Broker } from '../rooms/broker.ts';
import type { Clock } from '../rooms/clock.ts';
import { type Connection, type Place, toRecord } from '../rooms/connection.ts';
import type { Change, RoomState } from '../rooms/room.ts';
import { type Follower, placeKey, type RollEntry } from '../rooms/room-store.ts';
import { degraded } from './degraded.ts';
import type { Envelope } from './envelope.ts';
import type { Lease } from './lease.ts';
import type { RedisDirectory } from './redis-directory.ts';
import { type EventBody, Replica, rollOf, rollText } from './replica.ts';
import type { RoomCommands } from './room-commands.ts';

/** After so long without the event that it waits for, a replica is loaded. */
const patienceMs = 100;
/** After Redis was emptied, so long nobody is taken for gone who is missing: the other nodes write back as well. */
const restoreMs = 4_000;
/** Rooms that are written back at once, and connections in one step of that. */
const restoredAtOnce = 50;
const connectionsAtOnce = 500;
const retryMs = 1_000;

/**
 * The rooms that this node knows: those of its clients, and those that it works on just now. Each follows the events of
 * its room, and is loaded anew where it has missed one.
 */
export class Replicas {
  readonly #commands: RoomCommands;
  readonly #directory: RedisDirectory;
  readonly #broker: Broker;
  readonly #lease: Pick<Lease, 'id' | 'live' | 'settled'>;
  readonly #clock: Clock;
  readonly #byPlace = new Map<string, Replica>();
  #follower: Follower | undefined;
  /** Until when those who are missing may still come back. */
  #restoredAt = 0;

  constructor(
    commands: RoomCommands,
    directory: RedisDirectory,
    broker: Broker,
    lease: Pick<Lease, 'id' | 'live' | 'settled'>,
    clock: Clock,
  ) {
    this.#commands = commands;
    this.#directory = directory;
    this.#broker = broker;
    this.#lease = lease;
    this.#clock = clock;
  }

  followedBy(follower: Follower): void {
    this.#follower = follower;
  }

  get(place: Place): Replica | undefined {
    return this.#byPlace.get(placeKey(place));
  }

  /** Knows these rooms while `use` runs. */
  async hold<T>(places: readonly Place[], use: () => T | Promise<T>): Promise<T> {
    const replicas = places.map((place) => this.get(place) ?? this.#open(place));
    for (const replica of replicas) replica.holds += 1;
    try {
      for (const { opened } of replicas) await opened;
      return await use();
    } finally {
      for (const replica of replicas) {
        replica.holds -= 1;
        this.#closeIdle(replica);
      }
    }
  }

  event(place: Place, event: Envelope): void {
    const replica = this.get(place);
    if (replica === undefined) return;
    if (replica.buffered !== undefined) replica.buffered.push(event);
    else this.#take(replica, event);
  }

  /** Resolves when an event has been taken; where it does not come, the room is loaded. */
  async reached(replica: Replica, incarnation: string, seq: number): Promise<void> {
    let isReached = false;
    const taken = replica.reached(incarnation, seq).then(() => {
      isReached = true;
    });
    const late = new Promise<void>((resolve) => this.#clock.later(resolve, patienceMs));
    await Promise.race([taken, late]);
    if (!isReached) await this.#load(replica);
  }

  /** Messages may have been missed. What cannot be loaded now is tried again. */
  reloadAll(): void {
    for (const replica of this.#byPlace.values()) this.#loadSoon(replica);
  }

  async restoreAll(): Promise<void> {
    this.#restoredAt = this.#clock.now() + restoreMs;
    const replicas = [...this.#byPlace.values()];
    for (let index = 0; index < replicas.length; index += restoredAtOnce) {
      await Promise.all(replicas.slice(index, index + restoredAtOnce).map((each) => this.#restore(each)));
    }
    this.#clock.later(() => this.reloadAll(), restoreMs);
  }

  /** Ends the connections of this node, and knows no room any more. */
  closeAll(): void {
    for (const replica of this.#byPlace.values()) {
      this.#follower?.close(replica.place);
      this.#close(replica);
    }
  }

  #open(place: Place): Replica {
    const replica = new Replica(place);
    this.#byPlace.set(placeKey(place), replica);
    replica.buffered = [];
    const followed = Promise.resolve(this.#broker.follow(replica.place)).catch((error) => {
      throw degraded(error);
    });
    replica.opened = followed.then(() => this.#load(replica));
    // Whoever opens it hears of it; nobody else is to take it for open.
    replica.opened.catch(() => this.#close(replica));
    return replica;
  }

  #load(replica: Replica): Promise<void> {
    const loaded = replica.loading.then(() => this.#loadNow(replica));
    replica.loading = loaded.catch(() => {});
    return loaded;
  }

  #loadSoon(replica: Replica): void {
    this.#load(replica).catch(() => this.#loadLater(replica));
  }

  #loadLater(replica: Replica): void {
    this.#clock.later(() => {
      if (this.get(replica.place) === replica) this.#loadSoon(replica);
    }, retryMs);
  }

  /** Whether clients of this node that are missing in Redis have been so for longer than it takes to write them back. */
  #isLate(replica: Replica, roll: readonly RollEntry[]): boolean {
    const present = new Set(roll.map(({ record }) => record.clientId));
    const here = this.#follower?.everybody(replica.place).filter(({ node }) => node === undefined) ?? [];
    if (here.every(({ clientId }) => present.has(clientId))) replica.missingSince = undefined;
    else replica.missingSince ??= this.#clock.now();
    return replica.missingSince === undefined || this.#clock.now() >= replica.missingSince + restoreMs;
  }

  async #loadNow(replica: Replica): Promise<void> {
    // What has come by now is in what is loaded.
    replica.buffered = [];
    const loaded = await this.#commands.load(replica.place);
    if (this.get(replica.place) !== replica) return;
    const roll = [...rollOf(loaded[1]), ...rollOf(loaded[2])];
    const isLate = this.#isLate(replica, roll);
    // A room that has clients here is in Redis, unless that was emptied: then it will be again.
    if (!isLate && loaded[0][0] === null) throw degraded();
    const before = replica.state;
    replica.load(loaded);
    const isRestored = this.#clock.now() >= this.#restoredAt;
    const isGone = ({ node }: Connection) =>
      node === undefined ? isLate : isRestored || !this.#lease.live.has(node);
    this.#follower?.take(replica.place, roll, before, isGone);
    if (!isLate && replica.missingSince !== undefined) this.#loadLater(replica);
    const events = replica.buffered;
    replica.buffered = undefined;
    replica.settle();
    this.#bury(replica);
    for (const event of events) this.event(replica.place, event);
  }

  #take(replica: Replica, { origin, words, body: text }: Envelope): void {
    const step = replica.step(words);
    if (step === 'gap') this.#loadSoon(replica);
    if (step !== 'next') return;
    const body: EventBody = JSON.parse(text);
    const { update, said, ...outcome } = body;
    if (update !== undefined) this.#follower?.update(update, said);
    else {
      const before = replica.state;
      replica.turn(body);
      const applied = { ...outcome, state: replica.state, order: Number(words[2]) };
      this.#follower?.apply(replica.place, applied);
      this.#list(replica, before, body.change);
      if (body.change?.type === 'joined' && origin === this.#lease.id) this.#bury(replica);
    }
    replica.settle();
    this.#closeIdle(replica);
  }

  /** Lists those of this node anew of whom something is listed that has changed. */
  #list({ place, state }: Replica, before: RoomState | undefined, change: Change | undefined): void {
    const admitted = change?.type === 'admitted' ? change.clientId : undefined;
    if (state?.hosts === before?.hosts && admitted === undefined) return;
    for (const connection of this.#follower?.everybody(place) ?? []) {
      const { clientId, node } = connection;
      const isHost = state?.hosts.includes(clientId) ?? false;
      const wasHost = before?.hosts.includes(clientId) ?? false;
      if (node !== undefined || (isHost === wasHost && clientId !== admitted)) continue;
      const record = toRecord(connection, this.#lease.id);
      this.#directory.put(place, record, isHost).catch(() => {}); // it says so as soon as it can
    }
  }

  /** Takes out whom nobody has: on a node that has died, or on this one, which knows nothing of it. */
  #bury({ place }: Replica): void {
    const { id, live, settled } = this.#lease;
    const isNobodys = ({ node }: Connection) =>
      node !== undefined && (node === id || (settled && !live.has(node)));
    void this.#follower?.bury(place, isNobodys);
  }

  async #restore(replica: Replica): Promise<void> {
    const { place, version, state } = replica;
    if (state === undefined || this.get(place) !== replica) return;
    const here = this.#follower?.everybody(place).filter(({ node }) => node === undefined) ?? [];
    for (let index = 0; index < here.length; index += connectionsAtOnce) {
      const rolls = here.slice(index, index + connectionsAtOnce).flatMap((connection) => {
        const record = toRecord(connection, this.#lease.id);
        return [connection.clientId, rollText({ order: connection.order, record })];
      });
      try {
        await this.#commands.restore(place, version, JSON.stringify(state), rolls);
      } catch {
        this.#clock.later(() => void this.#restore(replica), retryMs);
        return;
      }
    }
  }

  #closeIdle(replica: Replica): void {
    if (replica.holds > 0 || this.#follower?.isHere(replica.place)) return;
    this.#close(replica);
  }

  #close(replica: Replica): void {
    if (this.get(replica.place) !== replica) return;
    this.#byPlace.delete(placeKey(replica.place));
    replica.release();
    this.#follower?.drop(replica.place);
    this.#broker.unfollow(replica.place);
  }
}
