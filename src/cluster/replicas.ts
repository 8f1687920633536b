import type { Broker } from '../rooms/broker.ts';
import type { Clock } from '../rooms/clock.ts';
import type { Connection, Place } from '../rooms/connection.ts';
import { type Follower, placeKey } from '../rooms/room-store.ts';
import { Burial } from './burial.ts';
import { degraded } from './degraded.ts';
import type { Envelope } from './envelope.ts';
import type { Lease } from './lease.ts';
import { listAnew } from './listing.ts';
import { isSureOfMissing, restoreMs } from './missing.ts';
import type { RedisDirectory } from './redis-directory.ts';
import { type EventBody, Replica, rollOf } from './replica.ts';
import type { RoomCommands } from './room-commands.ts';
import { inSteps } from './steps.ts';
import { writeBack } from './write-back.ts';

/** After so long without the event that it waits for, a replica is loaded. */
const patienceMs = 100;
const retryMs = 1_000;

/** The rooms that this node knows. Each follows the events of its room, and is loaded anew where it has missed one. */
export class Replicas {
  readonly #commands: RoomCommands;
  readonly #directory: RedisDirectory;
  readonly #broker: Broker;
  readonly #lease: Pick<Lease, 'id' | 'until' | 'live' | 'settled'>;
  readonly #burial: Burial;
  readonly #clock: Clock;
  readonly #hasLeft: (clientId: string) => boolean;
  readonly #byPlace = new Map<string, Replica>();
  #follower: Follower | undefined;

  /** @param hasLeft whether a client has left this node, of which Redis is still to be told */
  constructor(
    commands: RoomCommands,
    directory: RedisDirectory,
    broker: Broker,
    lease: Pick<Lease, 'id' | 'until' | 'live' | 'settled'>,
    clock: Clock,
    hasLeft: (clientId: string) => boolean,
  ) {
    this.#commands = commands;
    this.#directory = directory;
    this.#broker = broker;
    this.#lease = lease;
    this.#clock = clock;
    this.#hasLeft = hasLeft;
    this.#burial = new Burial(lease, clock.later);
  }

  /** How many they are. */
  get size(): number {
    return this.#byPlace.size;
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
    if (replica?.buffered !== undefined) replica.buffered.push(event);
    else if (replica !== undefined) this.#take(replica, event);
  }

  /** Takes what another node has sent about a room, after the events that came before. */
  inOrder(place: Place, take: () => void): void {
    const buffered = this.get(place)?.buffered;
    if (buffered !== undefined) buffered.push(take);
    else take();
  }

  /** Resolves when an event has been taken; where it does not come, the room is loaded. */
  async reached(replica: Replica, incarnation: string, seq: number): Promise<void> {
    const waiter = replica.reached(incarnation, seq);
    let isLate = false;
    const late = new Promise<void>((resolve) => {
      // Not before what has arrived is read.
      this.#clock.later(() => setImmediate(resolve), patienceMs);
    }).then(() => {
      isLate = true;
    });
    await Promise.race([waiter.taken, late]);
    if (!isLate) return;
    try {
      await Promise.race([waiter.taken, this.#load(replica)]);
    } finally {
      replica.forget(waiter);
    }
  }

  /** Messages may have been missed. What cannot be loaded now is tried again. Never rejects. */
  reloadAll(): Promise<void> {
    return inSteps([...this.#byPlace.values()], (replica) => this.#load(replica));
  }

  async restoreAll(): Promise<void> {
    await inSteps([...this.#byPlace.values()], (replica) => this.#restore(replica));
    this.#clock.later(() => void this.reloadAll(), restoreMs);
  }

  /** Loads a room, whether it is known here or not. */
  reload(place: Place): Promise<void> {
    return this.hold([place], async () => {
      const replica = this.get(place);
      if (replica) await this.#load(replica);
    });
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

  /** Loads a room: one load that is still to begin serves all who ask. Where it fails, it is tried again. */
  #load(replica: Replica): Promise<void> {
    if (replica.nextLoad === undefined) {
      replica.nextLoad = replica.loading.then(() => {
        replica.nextLoad = undefined;
        return this.#loadNow(replica);
      });
      replica.loading = replica.nextLoad.catch(() => this.#loadLater(replica));
    }
    return replica.nextLoad;
  }

  #loadLater(replica: Replica): void {
    if (replica.isLoadDue) return;
    replica.isLoadDue = true;
    this.#clock.later(() => {
      replica.isLoadDue = false;
      if (this.get(replica.place) === replica) this.#load(replica).catch(() => {}); // tried again
    }, retryMs);
  }

  /** Until the lease is settled, whoever is not known to live may have come just before Redis was emptied. */
  #isAlive({ node }: Connection): boolean {
    return node === undefined || !this.#lease.settled || this.#lease.live.has(node);
  }

  async #loadNow(replica: Replica): Promise<void> {
    if (this.get(replica.place) !== replica) return;
    // Events that have come by now are in what is loaded.
    replica.buffered = replica.buffered?.filter((each) => typeof each === 'function') ?? [];
    const loaded = await this.#commands.load(replica.place);
    if (this.get(replica.place) !== replica) return;
    // Who has gone is not met again by anybody here. Where nobody is, the rules count it until Redis knows of it.
    const isHere = this.#follower?.isHere(replica.place) ?? false;
    const roll = [...rollOf(loaded[1]), ...rollOf(loaded[2])].filter(
      ({ record }) => !isHere || !this.#hasLeft(record.clientId),
    );
    const known = this.#follower?.everybody(replica.place) ?? [];
    const isAlive = (connection: Connection) => this.#isAlive(connection);
    const isSure = isSureOfMissing(replica, loaded[0][0], roll, known, isAlive, this.#clock.now());
    // A room that has clients here is in Redis, unless that was emptied: then it will be again.
    if (!isSure && loaded[0][0] === null) throw degraded();
    const before = replica.state;
    replica.load(loaded);
    this.#follower?.take(replica.place, roll, before, (missing) => isSure || !this.#isAlive(missing));
    if (!isSure) this.#loadLater(replica);
    const events = replica.buffered;
    replica.buffered = undefined;
    replica.settle();
    const isKnown = () => this.get(replica.place) === replica;
    if (this.#follower) this.#burial.look(this.#follower, replica.place, isKnown, isSure);
    for (const each of events) {
      if (typeof each === 'function') this.inOrder(replica.place, each);
      else this.event(replica.place, each);
    }
    this.#closeIdle(replica);
  }

  #take(replica: Replica, { words, body: text }: Envelope): void {
    const step = replica.step(words);
    if (step === 'gap') this.#load(replica).catch(() => {}); // tried again
    if (step !== 'next') return;
    const body: EventBody = JSON.parse(text);
    const { update, said, ...outcome } = body;
    if (update !== undefined) this.#follower?.update(update, said);
    else {
      const before = replica.state;
      replica.turn(body);
      const applied = { ...outcome, state: replica.state, order: Number(words[2]) };
      this.#follower?.apply(replica.place, applied);
      const everybody = () => this.#follower?.everybody(replica.place) ?? [];
      listAnew(this.#directory, this.#lease.id, replica, before, body.change, everybody);
    }
    replica.settle();
    this.#closeIdle(replica);
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
