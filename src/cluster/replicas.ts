import type { Broker } from '../rooms/broker.ts';
import type { Clock } from '../rooms/clock.ts';
import { type Connection, type Place, toRecord } from '../rooms/connection.ts';
import type { Change, RoomState } from '../rooms/room.ts';
import { type Follower, placeKey, type RollEntry } from '../rooms/room-store.ts';
import { degraded } from './degraded.ts';
import type { Envelope } from './envelope.ts';
import type { Lease } from './lease.ts';
import type { RedisDirectory } from './redis-directory.ts';
import { type EventBody, Replica, rollOf } from './replica.ts';
import type { RoomCommands } from './room-commands.ts';
import { writeBack } from './write-back.ts';

/** After so long without the event that it waits for, a replica is loaded. */
const patienceMs = 100;
/** So long nobody is taken for gone who is only missing: where Redis was emptied, the nodes write back what they hold. */
const restoreMs = 3_000;
/** So long nobody is taken for dead whose node is not known: it may have joined just now. */
const acquaintMs = 2_500;
/** Rooms that are written back at once. */
const restoredAtOnce = 50;
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

  /** Whether those who are missing in Redis have been so for longer than it takes to write them back. */
  #isLate(replica: Replica, roll: readonly RollEntry[]): boolean {
    const present = new Set(roll.map(({ record }) => record.clientId));
    const known = this.#follower?.everybody(replica.place) ?? [];
    const missing = known.some((each) => this.#isAlive(each) && !present.has(each.clientId));
    if (missing) replica.missingSince ??= this.#clock.now();
    else replica.missingSince = undefined;
    return replica.missingSince === undefined || this.#clock.now() >= replica.missingSince + restoreMs;
  }

  #isAlive({ node }: Connection): boolean {
    return node === undefined || this.#lease.live.has(node);
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
    this.#follower?.take(replica.place, roll, before, (missing) => isLate || !this.#isAlive(missing));
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

  /** Takes out whom nobody has: on this node, which knows nothing of them, or on one that has died. */
  #bury(replica: Replica): void {
    const { id } = this.#lease;
    void this.#follower?.bury(replica.place, ({ node }) => node === id);
    if (this.#dead(replica).size === 0) return;
    this.#clock.later(() => {
      const dead = this.#dead(replica);
      if (this.get(replica.place) === replica) {
        void this.#follower?.bury(replica.place, ({ node = '' }) => dead.has(node));
      }
    }, acquaintMs);
  }

  /** The nodes that have somebody in a room, and no lease, as far as is known here. */
  #dead({ place }: Replica): ReadonlySet<string> {
    if (!this.#lease.settled) return new Set();
    const known = this.#follower?.everybody(place) ?? [];
    return new Set(known.filter((each) => !this.#isAlive(each)).map(({ node = '' }) => node));
  }

  async #restore(replica: Replica): Promise<void> {
    if (this.get(replica.place) !== replica) return;
    const here = this.#follower?.everybody(replica.place).filter(({ node }) => node === undefined) ?? [];
    try {
      await writeBack(this.#commands, this.#lease.id, replica, here);
    } catch {
      this.#clock.later(() => void this.#restore(replica), retryMs);
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
