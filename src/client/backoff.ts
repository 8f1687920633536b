/** How a lost connection is tried again; what is left out is {@link reconnectDefaults}. */
export interface ReconnectOptions {
  /** The wait before the first attempt is a random part of this, and of twice as much before each next one. */
  readonly baseDelayMs?: number;
  /** No wait is longer, however many attempts have failed. */
  readonly maxDelayMs?: number;
  /** So many attempts may fail one after the other; then the connection is over. */
  readonly maxAttempts?: number;
}

/** About five minutes of attempts. The first ones come soon, since a call that is cut is noticed at once. */
export const reconnectDefaults: Required<ReconnectOptions> = {
  baseDelayMs: 1_000,
  maxDelayMs: 10_000,
  maxAttempts: 60,
};

/**
 * Exponential back-off with full jitter: of all who are cut at once no two need come back at the same time, and where the
 * server cannot take them all, those it has refused come ever more thinly spread.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export class Backoff {
  readonly #options: Required<ReconnectOptions>;
  readonly #random: () => number;
  readonly #steadyNow: () => number;
  #doublings = 0;
  #failures = 0;
  #upSince: number | undefined;

  /**
   * @param random evenly from 0 up to 1
   * @param steadyNow a clock in milliseconds that nobody sets
   */
  constructor(options: ReconnectOptions, random = Math.random, steadyNow = () => performance.now()) {
    this.#options = { ...reconnectDefaults, ...options };
    this.#random = random;
    this.#steadyNow = steadyNow;
  }

  /** How many attempts have failed since the connection last stood, the one to come included. */
  get attempt(): number {
    return this.#failures;
  }

  /** How long to wait before the next attempt, in milliseconds; `undefined` after the last one. */
  next(): number | undefined {
    const { baseDelayMs, maxDelayMs, maxAttempts } = this.#options;
    // What takes clients in only to lose them again is not asked as fast as at first.
    if (this.#upSince !== undefined && this.#steadyNow() - this.#upSince >= maxDelayMs) this.#doublings = 0;
    this.#upSince = undefined;
    if (this.#failures >= maxAttempts) return undefined;
    const mostMs = Math.min(maxDelayMs, baseDelayMs * 2 ** this.#doublings);
    this.#failures += 1;
    this.#doublings += 1;
    return this.#random() * mostMs;
  }

  /** The connection stands. */
  succeeded(): void {
    this.#failures = 0;
    this.#upSince = this.#steadyNow();
  }
}
