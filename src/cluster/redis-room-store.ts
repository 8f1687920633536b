import type { Broker } from '../rooms/broker.ts';
import type { Clock } from '../rooms/clock.ts';
import type { Connection, Place } from '../rooms/connection.ts';
import type { Change, Outcome, RoomState, Rule } from '../rooms/room.ts';
import type { Follower, RoomStore, Said } from '../rooms/room-store.ts';
import { Arrears } from './arrears.ts';
import { endsSessions, isComing, isRefused, proposalOf } from './commit.ts';
import { degraded } from './degraded.ts';
import { Detours } from './detours.ts';
import type { Envelope } from './envelope.ts';
import type { Lease } from './lease.ts';
import { listAhead } from './listing.ts';
import { nodeOf } from './node-id.ts';
import { Pace } from './pace.ts';
import type { RedisDirectory } from './redis-directory.ts';
import type { Replica } from './replica.ts';
import { Replicas } from './replicas.ts';
import type { RoomCommands } from './room-commands.ts';
import type { CommitStatus } from './room-scripts.ts';
import { Updates } from './updates.ts';

/** So often a rule is run anew since somebody else was first, before the caller is told to come back. */
const maxAttempts = 50;

/** How an attempt ended; where somebody else was first, with which event, so that the rule is to be run on that. */
type Answer = Exclude<CommitStatus, 'conflict'> | readonly [incarnation: string, seq: number];

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
  readonly #arrears: Arrears;
  readonly #updates: Updates;
  readonly #pace = new Pace();
  #follower: Follower | undefined;

  /** @param roomSize how many may be in one channel of a room */
  constructor(
    commands: RoomCommands,
    directory: RedisDirectory,
    broker: Broker,
    lease: Pick<Lease, 'id' | 'until' | 'live' | 'settled'>,
    roomSize: number,
    clock: Clock,
    detours = new Detours(clock.later, () => {}, 1_000),
  ) {
    this.#commands = commands;
    this.#directory = directory;
    this.#roomSize = roomSize;
    const hasLeft = (clientId: string) => this.#arrears.owes(clientId);
    this.#replicas = new Replicas(commands, directory, broker, lease, clock, hasLeft, detours);
    const payment = {
      say: ({ place, rule, cause }: Parameters<Arrears['went']>[0]) => this.transaction(place, rule, cause),
      update: (connection: Connection) => void (this.#knows(connection.clientId) && this.update(connection)),
      look: (place: Place) => this.#replicas.reload(place), // which has them buried
    };
    this.#arrears = new Arrears(payment, clock.later);
    this.#updates = new Updates(commands, directory, this.#pace, detours, {
      isHost: (connection) => this.get(connection)?.hosts.includes(connection.clientId) ?? false,
      isThere: ({ clientId }) => this.#knows(clientId),
      failed: (connection) => this.#arrears.changed(connection),
    });
  }

  followedBy(follower: Follower): void {
    this.#follower = follower;
    this.#replicas.followedBy(follower);
  }

  get(place: Place): RoomState | undefined {
    return this.#replicas.get(place)?.state;
  }

  isKnown(place: Place): boolean {
    return this.#replicas.get(place) !== undefined;
  }

  hold<T>(places: readonly Place[], use: () => T | Promise<T>): Promise<T> {
    return this.#replicas.hold(places, use);
  }

  /** How many channels of rooms this node knows. */
  get size(): number {
    return this.#replicas.size;
  }

  /** How much of what happened here Redis is still to be told. */
  get owed(): number {
    return this.#arrears.size;
  }

  /** Whether any of it is of this channel of a room. */
  readonly owesOf = (place: Place): boolean => this.#arrears.owesOf(place);

  /** Says what can be said of that. Never rejects. */
  settle(): Promise<void> {
    return this.#arrears.pay();
  }

  /** Takes what another node has sent about a room, in the order of the room's events. */
  inOrder(place: Place, take: () => void): void {
    this.#replicas.inOrder(place, take);
  }

  /** Takes what a script has published about a room. */
  event(place: Place, event: Envelope): void {
    this.#replicas.event(place, event);
  }

  transaction<O extends Outcome>(place: Place, rule: Rule<O>, cause?: string): Promise<O | undefined> {
    return this.#replicas.hold([place], async () => {
      const replica = this.#replicas.get(place);
      if (replica === undefined) throw degraded();
      let outcome: O | undefined;
      const attempt = () => {
        outcome = rule(replica.state);
        return this.#attempt(replica, outcome, cause);
      };
      try {
        outcome = rule(replica.state);
        // Thousands may go at once, and nobody waits for them.
        const isGoing = endsSessions(outcome.change);
        let answer = await (isGoing ? this.#pace.run(attempt) : this.#attempt(replica, outcome, cause));
        if (isAnswered(answer)) return answer === 'ok' ? outcome : undefined;
        // One after the other, so that no more than one of each node is in the way of another one's.
        return await replica.inTurn(async () => {
          for (let attempts = 1; attempts < maxAttempts; attempts += 1) {
            const before = `${answer}`;
            answer = await attempt();
            if (isAnswered(answer)) return answer === 'ok' ? outcome : undefined;
            // Nobody was first: this node knows something else than Redis, which another attempt does not change.
            if (`${answer}` === before) break;
          }
          throw degraded();
        });
      } catch (error) {
        const { change } = outcome ?? {};
        // The answer was lost, and the event was not: it has come.
        if (isComing(change) && this.#knows(change.member.clientId)) return outcome;
        if (change?.type === 'went' && !isRefused(error)) {
          this.#goHere(replica, change, rule, cause);
          return outcome;
        }
        if (isComing(change)) this.#withdraw(replica.place, change.member.clientId, error);
        throw error;
      }
    });
  }

  update(connection: Connection, said?: Said, tellHere = () => {}): void {
    this.#updates.say(connection, said, tellHere);
  }

  /** Has others know by now what they would be told soon of the clients that this node has in a channel of a room. */
  flush(place: Place): void {
    this.#updates.flush(place);
  }

  /** Messages may have been missed: every room is loaded anew. */
  async reload(): Promise<void> {
    await this.#arrears.pay(); // whoever has gone is not to be met again
    await this.#replicas.reloadAll();
  }

  /** Redis was emptied: writes back what this node holds, and then sees what there is. */
  async restore(): Promise<void> {
    await this.#replicas.restoreAll();
    await this.#arrears.pay();
  }

  /** Others count this node as dead: its connections end, and nothing of them is written any more. */
  lose(): void {
    this.#arrears.forget();
    this.#replicas.closeAll();
  }

  /** Takes out of a room whoever is on a node that has died; of this one, whom it knows nothing of. */
  sweep(place: Place, node: string): Promise<unknown> {
    return this.hold([place], async () => {
      await this.#follower?.bury(place, (connection) => connection.node === node);
    });
  }

  /** Has a change made, and waits until it has been carried out here, or until this node knows what was in between. */
  async #attempt(replica: Replica, outcome: Outcome, cause: string | undefined): Promise<Answer> {
    const { change, state } = outcome;
    if (change === undefined && state === replica.state) return 'ok';
    // It began to come to the node that this one was.
    if (isComing(change) && nodeOf(change.member.clientId) !== this.#commands.node) throw degraded();
    const { commit, body } = proposalOf(replica, outcome, this.#roomSize, cause);
    // Who cannot be listed now is so as soon as can be.
    const list = () => this.#list(replica.place, outcome)?.catch(() => {});
    const committed = this.#commands.commit(replica.place, commit, body);
    const [[status, incarnation, seq]] = await Promise.all([
      committed,
      outcome.isPermitted ? undefined : list(),
    ]);
    if (outcome.isPermitted && status === 'ok') await list();
    await this.#replicas.reached(replica, incarnation, Number(seq));
    if (this.#replicas.get(replica.place) !== replica) throw degraded(); // this node is not what it was
    if (status === 'conflict') return [incarnation, Number(seq)];
    // Redis has lost who goes: it has been emptied, and may have taken it back from this node by now.
    const isLeft = change?.type === 'went' && this.#knows(change.clientId);
    if (status === 'gone' && isLeft) throw degraded();
    return status;
  }

  /** What is about to change is what lists say by the time that anybody is told of it. */
  #list(place: Place, outcome: Outcome): Promise<void> | undefined {
    return listAhead(this.#directory, place, outcome, () => this.#follower?.everybody(place) ?? []);
  }

  /** Nobody waits for Redis to go: the others on this node hear of it now, and all the rest when Redis does. */
  #goHere(
    replica: Replica,
    change: Extract<Change, { type: 'went' }>,
    rule: Rule<Outcome>,
    cause: string | undefined,
  ): void {
    const { place, state } = replica;
    if (this.#replicas.get(place) !== replica) return; // all have gone
    const { clientId } = change;
    if (this.#knows(clientId)) this.#follower?.apply(place, { state, change, order: 0, cause });
    this.#arrears.went({ place, clientId, rule, cause });
  }

  /** One is told that it does not come: where Redis may think otherwise, it is taken out again. */
  #withdraw(place: Place, clientId: string, error: unknown): void {
    this.#directory.remove([clientId]).catch(() => {}); // it says so as soon as it can
    if (!isRefused(error)) this.#arrears.doubt(place);
  }

  #knows(clientId: string): boolean {
    return this.#follower?.knows(clientId) ?? false;
  }
}

function isAnswered(answer: Answer): answer is Extract<Answer, string> {
  return typeof answer === 'string';
}
