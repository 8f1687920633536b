/** So many a second, and so many at once. */
export interface Budget {
  readonly perSecond: number;
  readonly burst: number;
}

/** What one takes out of a bucket: a token in thousandths, so that a millisecond refills a whole number of them. */
const token = 1000;

/** A budget that refills as time goes by: two numbers, no timer, no I/O. */
export class TokenBucket {
  readonly #budget: Budget;
  #level: number;
  #at: number;

  constructor(budget: Budget, nowMs: number) {
    this.#budget = budget;
    this.#level = budget.burst * token;
    this.#at = nowMs;
  }

  /** Takes one and says 0, or takes none and says how many milliseconds to wait for one. */
  take(nowMs: number): number {
    const { perSecond, burst } = this.#budget;
    // A clock that is set back gives nothing, and takes nothing.
    const elapsedMs = Math.max(0, nowMs - this.#at);
    this.#level = Math.min(burst * token, this.#level + elapsedMs * perSecond);
    this.#at = nowMs;
    if (this.#level < token) return Math.ceil((token - this.#level) / perSecond);
    this.#level -= token;
    return 0;
  }
}
