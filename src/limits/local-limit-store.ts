import type { MergingLimitStore } from './limit-store.ts';
import {
  blockOf,
  type LimitBlock,
  type LimitPolicy,
  type LimitRefusal,
  type LimitState,
  type LimitVerdict,
  lapsesAt,
  levelAt,
  take,
  takeOver,
} from './policy.ts';

/** Keys looked at per call that writes: a full round over n keys takes n / 16 calls, and no single call is slow. */
const sweepPerCall = 16;

interface Entry {
  readonly policy: LimitPolicy;
  readonly key: string;
  readonly state: LimitState;
  readonly lapsesAtMs: number;
}

/**
 * The limiter of a single node: synchronous, and so atomic; without a timer.
 *
 * Each call that writes also looks at the next few keys in turn and drops the lapsed ones, so a flood of keys is gone
 * after a sixteenth as many calls, whichever keys those are for.
 */
export class LocalLimitStore implements MergingLimitStore {
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  #round = this.#entries.entries();

  /** @param now epoch milliseconds; best a clock that is never set back, since waits grow by such a step */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Keys held, for a metric. */
  get size(): number {
    return this.#entries.size;
  }

  /** Its time: whole milliseconds, since with fractions a sum near 2^41 would round a wait of 60 s up to 61. */
  now(): number {
    return Math.floor(this.#now());
  }

  take(policy: LimitPolicy, key: string): LimitVerdict {
    this.sweep();
    const known = this.#state(policy, key);
    const { state, verdict } = take(known, policy, this.now());
    if (state !== known) this.#remember(policy, key, state);
    return verdict;
  }

  blocked(policy: LimitPolicy, key: string): LimitRefusal | undefined {
    return blockOf(this.#state(policy, key), policy, this.now());
  }

  block(policy: LimitPolicy, key: string, block: LimitBlock): void {
    this.sweep();
    const known = this.#state(policy, key);
    const state = takeOver(known, policy, block, this.now());
    if (state !== known) this.#remember(policy, key, state);
  }

  /** The last block of each key that is not wholly forgiven, running or over. */
  *blocks(): Generator<LimitBlock & { readonly policy: LimitPolicy; readonly key: string }> {
    const nowMs = this.now();
    for (const { policy, key, state } of this.#entries.values()) {
      const { level, blockedUntil } = state;
      if (levelAt(state, policy, nowMs) > 0) yield { policy, key, level, blockedUntil };
    }
  }

  /** Looks at the next few keys; for who holds a store that is seldom called otherwise. */
  sweep(): void {
    const nowMs = this.now();
    for (let looked = 0; looked < sweepPerCall; looked += 1) {
      const { value, done } = this.#round.next();
      if (done) {
        this.#round = this.#entries.entries();
        return;
      }
      const [id, { lapsesAtMs }] = value;
      if (lapsesAtMs <= nowMs) this.#entries.delete(id);
    }
  }

  #state({ name }: LimitPolicy, key: string): LimitState | undefined {
    return this.#entries.get(`${name}:${key}`)?.state;
  }

  #remember(policy: LimitPolicy, key: string, state: LimitState): void {
    this.#entries.set(`${policy.name}:${key}`, { policy, key, state, lapsesAtMs: lapsesAt(state, policy) });
  }
}
