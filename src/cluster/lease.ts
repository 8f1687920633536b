import { randomUUID } from 'node:crypto';
import type { Clock } from '../rooms/clock.ts';
import { guarded, type LeaseEvents } from './lease-events.ts';
import type { Beat, BeatAnswer } from './lease-scripts.ts';
import { beatScript, leaveScript, missedBeats, nodeKeys } from './lease-scripts.ts';
import { newNodeId } from './node-id.ts';
import type { Redis } from './redis.ts';

/** How long a node counts as alive; the same on all nodes. */
export interface LeaseTimes {
  readonly leaseMs: number;
  readonly beatMs: number;
}

const usualTimes: LeaseTimes = { leaseMs: 9_000, beatMs: 1_000 };

/**
 * The life of a node among others: an id, under which all that it holds is written, and a lease, which each beat renews.
 *
 * Promises, where Redis answers:
 * - A node that dies is handed to exactly one other within its lease, a quarter of a beat and a beat, and to another
 *   where that one dies, too. It stays in Redis until somebody has swept it.
 * - A lease that has ended is still its node's, until somebody begins to sweep it. So a Redis that was away costs
 *   nobody a connection: a node that has missed three beats (or has just begun) sweeps nobody until the others have had
 *   a lease's time to come back. One that finds Redis emptied leaves them what they had left of theirs.
 * - What is written with `until` is written while nobody else sweeps this node; see `fence.ts`.
 *
 * Each beat is one round trip. There is one at a time, so that answers come in order; one that Redis answers too late
 * is as good as unanswered, and the next one brings what it would have brought.
 */
export class Lease {
  readonly #redis: Redis;
  readonly #keys: readonly string[];
  readonly #events: LeaseEvents;
  readonly #later: Clock['later'];
  readonly #steadyNow: () => number;
  readonly #times: LeaseTimes;
  #id = newNodeId();
  /** Who has a lease, and until when, by turns. */
  #known: readonly string[] = [];
  #live: ReadonlySet<string> = new Set();
  #until = 0;
  /** The time of Redis at the last answer. */
  #redisMs = 0;
  #epoch = '';
  #sweeping = new Set<string>();
  /** Those that Redis is still to be told of. */
  #swept = new Set<string>();
  /** When the last beat was sent that was answered. */
  #answeredAtMs: number;
  /** When the next beat is to be sent. */
  #dueAtMs: number;
  #settledAtMs = Number.POSITIVE_INFINITY;
  #sweepsFromMs = Number.POSITIVE_INFINITY;
  #frozen = false;
  #gone = false;
  #stopped = false;
  #beating: Promise<void> = Promise.resolve();

  /**
   * @param prefix what all keys begin with; no braces, which say what lies in one slot
   * @param steadyNow milliseconds from anywhere, which nobody sets back or forward
   */
  constructor(
    redis: Redis,
    prefix: string,
    events: LeaseEvents,
    later: Clock['later'],
    steadyNow: () => number,
    times = usualTimes,
  ) {
    this.#redis = redis;
    this.#keys = nodeKeys(prefix);
    this.#events = guarded(events);
    this.#later = later;
    this.#steadyNow = steadyNow;
    this.#times = times;
    this.#answeredAtMs = this.#dueAtMs = steadyNow();
  }

  /** Of this life: 8 of `a-z` and `0-9`, drawn anew for each. */
  get id(): string {
    return this.#id;
  }

  /** When the lease ends as last known, by the clock of Redis: what all that this node writes carries. 0: no lease. */
  get until(): number {
    return this.#until;
  }

  /** Which life of Redis this is, as last known: another one after it was emptied. */
  get epoch(): string {
    return this.#epoch;
  }

  /** Which nodes have a lease, this one among them, as last known. Whether others can come back, `settled` tells. */
  get live(): ReadonlySet<string> {
    return this.#live;
  }

  /** Whether the lease still holds, for all that this node can know by itself. */
  get held(): boolean {
    return this.#until > 0 && this.#steadyNow() < this.#answeredAtMs + this.#times.leaseMs;
  }

  /** Whether Redis answers, but for a beat or two. */
  get healthy(): boolean {
    return !this.#gone;
  }

  /** Whether nobody can come back any more who is missing in `live`. */
  get settled(): boolean {
    return this.held && this.#steadyNow() >= this.#settledAtMs;
  }

  /** Whether a node has a lease. Asks Redis of one that is not known, and may have just come; rejects as that does. */
  async isAlive(nodeId: string): Promise<boolean> {
    if (this.#live.has(nodeId)) return true;
    const [leases = ''] = this.#keys;
    const end = await this.#redis.command('ZSCORE', leases, nodeId);
    return Number(end) > this.#redisMs + this.#steadyNow() - this.#answeredAtMs;
  }

  /** Takes the first lease, and holds it from then on; rejects where Redis does not answer, and may be tried again. */
  async start(): Promise<void> {
    this.#answeredAtMs = this.#steadyNow();
    this.#heed(await this.#ask());
    this.#beatLater(this.#times.beatMs);
  }

  /**
   * Gives the lease back, so that others count this node no more; nobody sweeps it, so its connections must be gone
   * before; or, unless it `leaves`, lets it end by itself, and the node is swept. Never rejects, and so it is, too, where
   * Redis does not answer.
   */
  async stop(leaves = true): Promise<void> {
    this.#stopped = true;
    await this.#beating;
    if (!leaves) return;
    this.#until = 0;
    await this.#redis.run(leaveScript, this.#keys, [this.#id]).catch(() => {});
  }

  #beatLater(withinMs: number): void {
    const run = () => {
      if (!this.#stopped) this.#beating = this.#beat();
    };
    this.#later(run, Math.max(0, Math.min(withinMs, this.#dueAtMs - this.#steadyNow())));
  }

  async #beat(): Promise<void> {
    let answer: BeatAnswer | undefined;
    try {
      answer = await this.#ask();
    } catch (error) {
      this.#miss(error);
    }
    if (this.#stopped) return;
    if (answer) this.#heed(answer);
    // A Redis that is back is found the sooner.
    this.#beatLater(answer ? this.#times.beatMs : this.#times.beatMs / 4);
  }

  async #ask(): Promise<BeatAnswer> {
    const { leaseMs, beatMs } = this.#times;
    const sentAtMs = this.#steadyNow();
    this.#frozen ||= sentAtMs - (this.#dueAtMs - beatMs) > leaseMs;
    this.#dueAtMs = sentAtMs + beatMs;
    const swept = [...this.#swept];
    const beat: Beat = [
      this.#id,
      leaseMs,
      beatMs,
      this.#epoch,
      randomUUID(),
      this.#redisMs,
      this.#frozen ? 1 : 0,
      sentAtMs >= this.#sweepsFromMs ? 1 : 0,
      this.#known.join(' '),
      swept.join(' '),
    ];
    const answer = (await this.#redis.run(beatScript, this.#keys, beat)) as BeatAnswer;
    for (const nodeId of swept) this.#swept.delete(nodeId);
    this.#frozen = false;
    this.#recover(sentAtMs);
    return answer;
  }

  #recover(sentAtMs: number): void {
    const afterMs = this.#steadyNow() - this.#answeredAtMs;
    this.#answeredAtMs = sentAtMs;
    if (!this.#gone) return;
    this.#gone = false;
    this.#events.onRecovered(afterMs);
  }

  #miss(error: unknown): void {
    if (this.#gone || this.#stopped) return;
    if (this.#steadyNow() - this.#answeredAtMs < missedBeats * this.#times.beatMs) return;
    this.#gone = true;
    this.#events.onGone(error);
  }

  #heed(answer: BeatAnswer): void {
    if (answer[0] === 'lost') return this.#lose();
    const [state, redisMs, epoch, live, toSweep] = answer;
    const { leaseMs, beatMs } = this.#times;
    const isEmptied = state === 'emptied';
    const nowMs = this.#steadyNow();
    if (isEmptied || redisMs - this.#redisMs > missedBeats * beatMs) {
      this.#settledAtMs = nowMs + leaseMs;
      // Leases that Redis has kept may have ended while it was away.
      this.#sweepsFromMs = isEmptied ? nowMs : this.#settledAtMs;
    }
    this.#redisMs = redisMs;
    this.#until = redisMs + leaseMs;
    this.#epoch = epoch;
    this.#known = live;
    this.#live = new Set(live.filter((_, index) => index % 2 === 0));
    if (isEmptied) this.#events.onEmptied();
    for (const nodeId of toSweep) this.#sweep(nodeId);
  }

  #lose(): void {
    const lostId = this.#id;
    this.#id = newNodeId();
    this.#until = this.#redisMs = this.#dueAtMs = 0;
    this.#epoch = '';
    this.#settledAtMs = this.#sweepsFromMs = Number.POSITIVE_INFINITY;
    this.#sweeping = new Set();
    this.#swept = new Set();
    this.#events.onLost(lostId);
  }

  #sweep(nodeId: string): void {
    const [sweeping, swept] = [this.#sweeping, this.#swept];
    // An answer that was on its way when the sweep was done still names the node.
    if (sweeping.has(nodeId) || swept.has(nodeId)) return;
    sweeping.add(nodeId);
    this.#events
      .onDead(nodeId)
      .then(() => swept.add(nodeId))
      .catch(() => {})
      .finally(() => sweeping.delete(nodeId));
  }
}
