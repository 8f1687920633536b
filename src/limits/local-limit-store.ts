import type { LimitStore } from './limit-store.ts';
import {
  blockOf,
  type LimitPolicy,
  type LimitRefusal,
  type LimitState,
  type LimitVerdict,
  lapsesAt,
  take,
} from './policy.ts';

/** Keys looked at per call: a full round over n keys takes n / 16 calls, and no single call is slow. */
const sweepPerTake = 16;

interface Entry {
  readonly state: LimitState;
  readonly lapsesAtMs: number;
}

/**
 * The limiter of a single node: synchronous, and so atomic; without a timer.
 *
 * Each call also looks at the next few keys in turn and drops the lapsed ones, so a flood of keys is gone
 * after a sixteenth as many calls, whichever keys those are for.
 */
export class LocalLimitStore implements LimitStore {
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

  take(policy: LimitPolicy, key: string): LimitVerdict {
    // Whole milliseconds: with fractions, a sum near 2^41 would round a wait of 60 s up to 61.
    const nowMs = Math.floor(this.#now());
    this.#sweep(nowMs);
    const id = `${policy.name}:${key}`;
    const known = this.#entries.get(id)?.state;
    const { state, verdict } = take(known, policy, nowMs);
    if (state !== known) this.#entries.set(id, { state, lapsesAtMs: lapsesAt(state, policy) });
    return verdict;
  }

  blocked(policy: LimitPolicy, key: string): LimitRefusal | undefined {
    return blockOf(this.#entries.get(`${policy.name}:${key}`)?.state, policy, Math.floor(this.#now()));
  }

  #sweep(nowMs: number): void {
    for (let looked = 0; looked < sweepPerTake; looked += 1) {
      const { value, done } = this.#round.next();
      if (done) {
        this.#round = this.#entries.entries();
        return;
      }
      const [id, { lapsesAtMs }] = value;
      if (lapsesAtMs <= nowMs) this.#entries.delete(id);
    }
  }
}
