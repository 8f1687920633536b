import type { LimitStore, MergingLimitStore } from '../limits/limit-store.ts';
import type { LocalLimitStore } from '../limits/local-limit-store.ts';
import type { LimitPolicy, LimitRefusal, LimitVerdict } from '../limits/policy.ts';
import type { Clock } from '../rooms/clock.ts';
import type { Report } from '../rooms/events.ts';

/** Whether limits are those of all nodes together; one event for each change. */
export type LimitsEvent =
  | { readonly type: 'limits.degraded'; readonly error: unknown }
  | {
      readonly type: 'limits.recovered';
      /** How long this node counted alone. */
      readonly afterMs: number;
    };

/** The store of all nodes, as far as it is needed here. */
export interface SharedLimitStore extends MergingLimitStore {
  /** Its time, by which its blocks end; rejects while it is not of use. */
  ready(): Promise<number>;
}

/** So many calls in a row without an answer, and no more are sent. */
const failuresToDegrade = 3;
const probeEveryMs = 1_000;
/** Blocks brought over at once: few enough that all are answered well within the time of a command. */
const batchSize = 100;

/**
 * The limiter of one node among many, which goes on while the shared store is gone: neither open nor closed.
 *
 * Promises, beside those of every store:
 * - Never rejects. A call waits for the shared store as long as that one's own time limit; once three calls in a row
 *   got no answer, none waits any more, and the answers come without a promise.
 * - Meanwhile a key is counted here, against this node's share of the limit: the nodes together accept little more than
 *   the limit. What was counted before is not known, so a window that the change falls into may hold both quotas.
 * - Blocks that this node has told of stay in force, and so do their levels: a violation here starts the next.
 * - Each second the shared store is tried. Before any call goes there again, all blocks known here have been brought over
 *   by maximum, so that they hold on all nodes, and also if it came back empty. None gets longer by that.
 */
export class ResilientLimitStore implements LimitStore {
  readonly #shared: SharedLimitStore;
  readonly #local: LocalLimitStore;
  readonly #liveNodes: () => number;
  readonly #report: Report<LimitsEvent>;
  readonly #later: Clock['later'];
  #failures = 0;
  #degradedAtMs: number | undefined;
  /** Whether a block has started here that the shared store does not know. */
  #startedHere = false;
  #stopped = false;

  /**
   * @param local its own alone; also remembers the blocks that the shared one tells of
   * @param liveNodes how many nodes share the load, as last known while the shared store is gone
   */
  constructor(
    shared: SharedLimitStore,
    local: LocalLimitStore,
    liveNodes: () => number,
    report: Report<LimitsEvent>,
    later: Clock['later'],
  ) {
    this.#shared = shared;
    this.#local = local;
    this.#liveNodes = liveNodes;
    this.#report = report;
    this.#later = later;
  }

  /** Whether this node counts alone, for a metric. */
  get degraded(): boolean {
    return this.#degradedAtMs !== undefined;
  }

  /** Tries no more; for when the node ends. */
  stop(): void {
    this.#stopped = true;
  }

  take(policy: LimitPolicy, key: string): LimitVerdict | Promise<LimitVerdict> {
    const here = () => this.#takeHere(policy, key);
    return this.degraded ? here() : this.#ask(policy, key, () => this.#shared.take(policy, key), here);
  }

  blocked(policy: LimitPolicy, key: string): LimitRefusal | undefined | Promise<LimitRefusal | undefined> {
    const here = () => this.#local.blocked(this.#shareOf(policy), key);
    return this.degraded ? here() : this.#ask(policy, key, () => this.#shared.blocked(policy, key), here);
  }

  async #ask<Verdict extends LimitVerdict | undefined>(
    policy: LimitPolicy,
    key: string,
    ask: () => Verdict | Promise<Verdict>,
    here: () => Verdict,
  ): Promise<Verdict> {
    const askedAtMs = this.#local.now();
    let verdict: Verdict;
    try {
      verdict = await ask();
    } catch (error) {
      this.#failures += 1;
      verdict = here();
      // A block that only this node knows is in force only here, until it is brought over.
      if (this.#failures >= failuresToDegrade || this.#startedHere) this.#degrade(error);
      return verdict;
    }
    this.#failures = 0;
    if (verdict?.allowed === false) {
      // From when it was asked for, not from when the answer came: a block is rather remembered too short than too long.
      const { level, retryAfterMs } = verdict;
      this.#local.block(policy, key, { level, blockedUntil: askedAtMs + retryAfterMs });
    } else {
      this.#local.sweep(); // what was counted while the shared store was gone
    }
    return verdict;
  }

  #takeHere(policy: LimitPolicy, key: string): LimitVerdict {
    const verdict = this.#local.take(this.#shareOf(policy), key);
    if (!verdict.allowed && verdict.started) this.#startedHere = true;
    return verdict;
  }

  #shareOf(policy: LimitPolicy): LimitPolicy {
    return { ...policy, limit: Math.ceil(policy.limit / Math.max(1, this.#liveNodes())) };
  }

  #degrade(error: unknown): void {
    if (this.degraded) return;
    this.#degradedAtMs = this.#local.now();
    this.#report({ type: 'limits.degraded', error });
    this.#probeLater();
  }

  #probeLater(): void {
    this.#later(() => void this.#probe(), probeEveryMs);
  }

  async #probe(): Promise<void> {
    if (this.#stopped || this.#degradedAtMs === undefined) return;
    try {
      await this.#bringOver();
    } catch {
      this.#probeLater();
      return;
    }
    const afterMs = this.#local.now() - this.#degradedAtMs;
    this.#degradedAtMs = undefined;
    this.#failures = 0;
    this.#report({ type: 'limits.recovered', afterMs });
  }

  async #bringOver(): Promise<void> {
    do {
      this.#startedHere = false;
      // Ends are told as instants of the shared store: one that comes to it late, from the buffers of a connection that
      // hung, still means the same. Both clocks tell whole milliseconds; the one more is so that no block grows by that.
      const aheadMs = (await this.#shared.ready()) - (this.#local.now() + 1);
      for (const batch of inBatches([...this.#local.blocks()])) {
        await Promise.all(
          batch.map(({ policy, key, level, blockedUntil }) =>
            this.#shared.block(policy, key, { level, blockedUntil: blockedUntil + aheadMs }),
          ),
        );
      }
    } while (this.#startedHere); // calls went on meanwhile
  }
}

function inBatches<T>(all: readonly T[]): T[][] {
  const count = Math.ceil(all.length / batchSize);
  return Array.from({ length: count }, (_, i) => all.slice(i * batchSize, (i + 1) * batchSize));
}
