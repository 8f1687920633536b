import { type AddressFailures, addressKey } from '../limits/address.ts';
import { type Redis, script } from './redis.ts';

/** How long Redis is left alone after it did not answer, so that not every caller waits for it in vain. */
const pauseMs = 1_000;

/** KEYS: the count of an address. ARGV: how long its window is. */
const count = script(`
if redis.call('INCR', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
`);

/**
 * Counts the failed credentials that come to all nodes.
 *
 * What comes to this node is counted here as well: who is refused by that alone costs Redis nothing, and where Redis is
 * gone this goes on alone.
 *
 * Round trips: 1 `GET` to ask, another one where the address is refused, and 1 for a failure.
 */
export class RedisAddressFailures implements AddressFailures {
  readonly policy: AddressFailures['policy'];
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #local: AddressFailures;
  readonly #steadyNow: () => number;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  /**
   * @param prefix what all keys begin with; no braces, which say what lies in one slot
   * @param local what this node counts alone, with the limit for all
   * @param steadyNow milliseconds, by a clock that nobody sets
   */
  constructor(redis: Redis, prefix: string, local: AddressFailures, steadyNow: () => number) {
    this.policy = local.policy;
    this.#redis = redis;
    this.#prefix = prefix;
    this.#local = local;
    this.#steadyNow = steadyNow;
  }

  async retryAfterMs(ip: string): Promise<number | undefined> {
    const hereMs = await this.#local.retryAfterMs(ip);
    return hereMs ?? this.#ask(() => this.#sharedRetryAfterMs(this.#keyOf(ip)));
  }

  async record(ip: string): Promise<void> {
    const counted = this.#local.record(ip);
    await this.#ask(() => this.#redis.run(count, [this.#keyOf(ip)], [this.policy.windowMs]));
    await counted;
  }

  async #sharedRetryAfterMs(key: string): Promise<number | undefined> {
    const failures = Number(await this.#redis.command('GET', key));
    if (failures < this.policy.limit) return undefined;
    const leftMs = Number(await this.#redis.command('PTTL', key));
    return leftMs > 0 ? leftMs : undefined;
  }

  /** `undefined` where Redis is gone. */
  async #ask<T>(ask: () => Promise<T>): Promise<T | undefined> {
    if (this.#steadyNow() < this.#pausedUntil) return undefined;
    try {
      return await ask();
    } catch {
      this.#pausedUntil = this.#steadyNow() + pauseMs;
      return undefined;
    }
  }

  #keyOf(ip: string): string {
    return `${this.#prefix}{address:${addressKey(ip)}}:failures`;
  }
}
