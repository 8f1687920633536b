import {
  type ClientMessage,
  clientMessages,
  flood,
  frameLimits,
  type RateClass,
  rateClasses,
} from '../../../generated/messages.ts';
import { TokenBucket } from '../../limits/token-bucket.ts';
import { SignalboxError } from '../../rooms/errors.ts';

/** How much one socket may send, by class; whether it goes on although it was told to stop, and how often it breaks the contract. */
export class Budgets {
  readonly #scale: number;
  readonly #buckets: { [Class in RateClass]?: TokenBucket } = {};
  #floodFrom = 0;
  #overAt = Number.NEGATIVE_INFINITY;
  #invalidAt: readonly number[] = [];

  /** @param scale multiplies every budget */
  constructor(scale: number) {
    this.#scale = scale;
  }

  /** Counts a message; over the budget of its class it is `rate_limited`. */
  take({ type }: ClientMessage, now: number): void {
    const { rateClass } = clientMessages[type];
    if (rateClass === undefined) return;
    const retryAfterMs = this.#bucket(rateClass, now).take(now);
    if (retryAfterMs === 0) return;
    if (now - this.#overAt > flood.pauseMs) this.#floodFrom = now;
    this.#overAt = now;
    const message = `Too many messages of the class ${rateClass}.`;
    throw new SignalboxError('rate_limited', message, { retryAfterMs });
  }

  /** Whether the socket has gone on over its budget for longer than anybody can bear. */
  isFlooded(now: number): boolean {
    return now - this.#overAt <= flood.pauseMs && now - this.#floodFrom >= flood.patienceMs;
  }

  /** Counts a message that breaks the contract; says whether there were too many of them. */
  isInvalidOnceTooOften(now: number): boolean {
    this.#invalidAt = [...this.#invalidAt.filter((at) => at > now - 60_000), now];
    return this.#invalidAt.length >= frameLimits.maxInvalidPerMinute;
  }

  #bucket(name: RateClass, now: number): TokenBucket {
    const { perSecond, burst } = rateClasses[name];
    const budget = { perSecond: perSecond * this.#scale, burst: burst * this.#scale };
    this.#buckets[name] ??= new TokenBucket(budget, now);
    return this.#buckets[name];
  }
}
