import { randomUUID } from 'node:crypto';
import type { Broker } from '../rooms/broker.ts';
import type { Clock } from '../rooms/clock.ts';
import { type Connection, type Place, toRecord } from '../rooms/connection.ts';
import type { Outcome, RoomState, Rule } from '../rooms/room.ts';
import type { Follower, RoomStore, Said } from '../rooms/room-store.ts';
import { degraded } from './degraded.ts';
import type { Envelope } from './envelope.ts';
import type { Lease } from './lease.ts';
import type { RedisDirectory } from './redis-directory.ts';
import type { Replica } from './replica.ts';
import { Replicas } from './replicas.ts';
import type { RoomCommands } from './room-commands.ts';
import type { Commit, CommitReply } from './room-scripts.ts';

/** A departure that this node has carried out, and Redis does not know yet. */
interface Unsaid {
  readonly place: Place;
  readonly rule: Rule<Outcome>;
  readonly cause: string | undefined;
}

/** So often a rule is run anew since somebody else was first, before the caller is told to come back. */
const maxAttempts = 50;
const retryMs = 1_000;

/**
 * The states of the rooms, for all nodes.
 *
 * A node that knows a room has a replica of it, which follows the events of the room. A rule runs on the replica; what it
 * leaves is compared and set in Redis, in one round trip, which publishes the event that all replicas take, this one too:
 * then it is carried out. Where the replica was behind, the rule runs anew once it has caught up.
 *
 * Round trips of a change: 1; and 2 more where this node does not know the room yet.
 */
export class RedisRoomStore implements RoomStore {
  readonly #commands: RoomCommands;
  readonly #replicas: Replicas;
  readonly #directory: RedisDirectory;
  readonly #roomSize: number;
  readonly #later: Clock['later'];
  /** By `clientId`. */
  readonly #unsaid = new Map<string, Unsaid>();
  /** Clients of this node whose last update Redis may not know. */
  readonly #dirty = new Set<Connection>();
  #isRetrying = false;
  #follower: Follower | undefined;

  /** @param roomSize how many may be in one channel of a room */
  constructor(
    commands: RoomCommands,
    directory: RedisDirectory,
    broker: Broker,
    lease: Pick<Lease, 'id' | 'live' | 'settled'>,
    roomSize: number,
    clock: Clock,
  ) {
    this.#commands = commands;
    this.#directory = directory;
    this.#roomSize = roomSize;
    this.#later = clock.later;
    this.#replicas = new Replicas(commands, directory, broker, lease, clock);
  }

  followedBy(follower: Follower): void {
    this.#follower = follower;
    this.#replicas.followedBy(follower);
  }

  get(place: Place): RoomState | undefined {
    return this.#replicas.get(place)?.state;
  }

  hold<T>(places: readonly Place[], use: () => T | Promise<T>): Promise<T> {
    return this.#replicas.hold(places, use);
  }

  /** Takes what a script has published about a room. */
  event(place: Place, event: Envelope): void {
    this.#replicas.event(place, event);
  }

  transaction<O extends Outcome>(place: Place, rule: Rule<O>, cause?: string): Promise<O | undefined> {
    return this.#replicas.hold([place], async () => {
      const replica = this.#replicas.get(place);
      if (replica === undefined) throw degraded();
      for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
        const outcome = rule(replica.state);
        let reply: CommitReply;
        try {
          reply = await this.#commit(replica, outcome, cause);
        } catch (error) {
          this.#unlist(outcome);
          if (outcome.change?.type !== 'went') throw error;
          this.#goHere(replica, outcome, { place: replica.place, rule, cause });
          return outcome;
        }
        const [status, incarnation, seq] = reply;
        if (status === 'conflict') this.#unlist(outcome);
        try {
          await this.#replicas.reached(replica, incarnation, Number(seq));
        } catch (error) {
          // It is done, and this node hears of it when it can.
          if (status === 'conflict' || outcome.change?.type !== 'went') throw error;
          return status === 'ok' ? outcome : undefined;
        }
        if (this.#replicas.get(place) !== replica) throw degraded(); // this node is not what it was
        if (status === 'ok') return outcome;
        if (status === 'gone') return undefined;
      }
      throw degraded();
    });
  }

  update(connection: Connection, said?: Said): void {
    const record = toRecord(connection, this.#commands.node);
    const isHost = isHostIn(this.get(connection), connection.clientId);
    this.#directory.put(connection, record, isHost).catch(() => {}); // it says so as soon as it can
    this.#commands.update(connection, record, said).catch(() => {
      this.#dirty.add(connection);
      this.#retryLater();
    });
  }

  /** Messages may have been missed: every room is loaded anew. */
  async reload(): Promise<void> {
    await this.#retry(); // whoever has gone is not to be met again
    this.#replicas.reloadAll();
  }

  /** Redis was emptied: writes back what this node holds, and then sees what there is. */
  async restore(): Promise<void> {
    await this.#replicas.restoreAll();
    await this.#retry();
  }

  /** Others count this node as dead: its connections end, and nothing of them is written any more. */
  lose(): void {
    this.#unsaid.clear();
    this.#dirty.clear();
    this.#replicas.closeAll();
  }

  /** Takes out of a room whoever was on a node that has died. */
  sweep(place: Place, node: string): Promise<unknown> {
    return this.hold([place], async () => {
      await this.#follower?.bury(place, (connection) => connection.node === node);
    });
  }

  async #commit(replica: Replica, outcome: Outcome, cause: string | undefined): Promise<CommitReply> {
    const { change, state } = outcome;
    const isChanged = state !== replica.state;
    // Of a room that has ended nothing is left, its version neither.
    const nextVersion = isChanged && state !== undefined ? randomUUID() : '';
    const body = {
      ...outcome,
      state: isChanged ? (state ?? null) : undefined,
      version: isChanged ? nextVersion : undefined,
      cause,
    };
    const comes = change?.type === 'joined' || change?.type === 'waits';
    const commit: Omit<Commit, keyof ReturnType<RoomCommands['publishing']>> = {
      incarnation: replica.incarnation,
      version: replica.version,
      type: change?.type === 'went' && change.waited ? 'stopped' : (change?.type ?? ''),
      clientId: comes
        ? change.member.clientId
        : change?.type === 'went' || change?.type === 'admitted'
          ? change.clientId
          : '',
      joinedAt: comes ? change.member.joinedAt : change?.type === 'admitted' ? change.joinedAt : '',
      record: comes ? JSON.stringify(change.member) : '',
      state: isChanged ? (state === undefined ? '-' : JSON.stringify(state)) : '',
      nextVersion,
      // Who makes a change and has gone by then is not in the version.
      required: outcome.promoted ?? (change === undefined ? (cause ?? '') : ''),
      maxSize: comes && outcome.hasPlace !== true ? this.#roomSize : 0,
      nextIncarnation: randomUUID(),
    };
    const listed = this.#list(replica.place, outcome);
    const [reply] = await Promise.all([this.#commands.commit(replica.place, commit, body), listed]);
    return reply;
  }

  /** What is about to change is what lists say by the time that anybody is told of it. */
  #list(place: Place, { change, state }: Outcome): Promise<void> | undefined {
    if (change?.type === 'joined' || change?.type === 'waits') {
      return this.#directory.put(place, change.member, isHostIn(state, change.member.clientId));
    }
    if (change?.type === 'went') return this.#directory.remove([change.clientId]);
    if (change?.type !== 'dissolved') return undefined;
    const everybody = this.#follower?.everybody(place) ?? [];
    return this.#directory.remove(everybody.map(({ clientId }) => clientId));
  }

  /** Who was about to come has not, or not yet. */
  #unlist({ change }: Outcome): void {
    const comes = change?.type === 'joined' || change?.type === 'waits';
    if (comes) this.#directory.remove([change.member.clientId]).catch(() => {}); // tried again
  }

  /** Nobody waits for Redis to go: the others on this node hear of it now, and all the rest when Redis does. */
  #goHere(replica: Replica, outcome: Outcome, unsaid: Unsaid): void {
    const { change } = outcome;
    if (change?.type !== 'went') return;
    this.#follower?.apply(replica.place, { state: replica.state, change, order: 0, cause: unsaid.cause });
    this.#unsaid.set(change.clientId, unsaid);
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    this.#later(() => {
      this.#isRetrying = false;
      void this.#retry();
    }, retryMs);
  }

  /** Says what could not be said. What fails again is remembered again. */
  async #retry(): Promise<void> {
    const [unsaid, dirty] = [[...this.#unsaid.values()], [...this.#dirty]];
    this.#unsaid.clear();
    this.#dirty.clear();
    for (const connection of dirty) {
      if (this.#follower?.everybody(connection).includes(connection)) this.update(connection);
    }
    for (const [index, { place, rule, cause }] of unsaid.entries()) {
      try {
        await this.transaction(place, rule, cause);
      } catch {
        // Not even the room can be opened: so it is with the others.
        for (const each of unsaid.slice(index)) this.#unsaid.set(randomUUID(), each);
        this.#retryLater();
        return;
      }
    }
  }
}

function isHostIn(state: RoomState | undefined, clientId: string): boolean {
  return state?.hosts.includes(clientId) ?? false;
}
