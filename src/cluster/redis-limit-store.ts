import type { MergingLimitStore } from '../limits/limit-store.ts';
import type { LimitBlock, LimitPolicy, LimitRefusal, LimitVerdict } from '../limits/policy.ts';
import { blockedScript, blockScript, type Reply, readyScript, takeScript } from './limit-scripts.ts';
import type { Redis, Script } from './redis.ts';

/**
 * The limiter of all nodes: each call is one script about one key, and so atomic, in one round trip.
 *
 * Time is that of Redis, so a node's clock does not matter. A key expires the instant it is wholly forgiven and its
 * log empty. Rejects where Redis does not answer; the call may have counted all the same. Needs Redis 6.2 or later.
 */
export class RedisLimitStore implements MergingLimitStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #testClock: (() => number) | undefined;

  /**
   * @param prefix what all keys begin with; no braces, which say what lies in one slot
   * @param testClock in the place of Redis' own; only for tests, since keys still expire by that of Redis
   */
  constructor(redis: Redis, prefix: string, testClock?: () => number) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#testClock = testClock;
  }

  async take(policy: LimitPolicy, key: string): Promise<LimitVerdict> {
    const { limit, block } = policy;
    return verdictOf((await this.#run(takeScript, policy, key, block.minMs, limit)) as Reply, limit);
  }

  async blocked(policy: LimitPolicy, key: string): Promise<LimitRefusal | undefined> {
    const reply = (await this.#run(blockedScript, policy, key)) as Reply | null;
    const verdict = reply === null ? undefined : verdictOf(reply, policy.limit);
    return verdict?.allowed === false ? verdict : undefined;
  }

  async block(policy: LimitPolicy, key: string, { level, blockedUntil }: LimitBlock): Promise<void> {
    await this.#run(blockScript, policy, key, level, blockedUntil);
  }

  /** The time of Redis, in epoch milliseconds; rejects where Redis does not take writes. */
  async ready(): Promise<number> {
    return (await this.#redis.run(readyScript, [`${this.#prefix}limit-ready`], [this.#now()])) as number;
  }

  #run(script: Script, { name, windowMs, block }: LimitPolicy, key: string, ...more: number[]) {
    // The braces: on a Redis Cluster the slot goes by policy and subject, whatever else stands in the name.
    const keys = [`${this.#prefix}limit:{${name}:${key}}`];
    return this.#redis.run(script, keys, [this.#now(), windowMs, block.maxMs, ...more]);
  }

  #now(): number | '' {
    return this.#testClock === undefined ? '' : Math.floor(this.#testClock());
  }
}

function verdictOf(reply: Reply, limit: number): LimitVerdict {
  if (reply[0] === 1) {
    const [, remaining, resetMs] = reply;
    return { allowed: true, limit, remaining, resetMs };
  }
  const [, retryAfterMs, level, blockedUntil, started] = reply;
  return { allowed: false, limit, retryAfterMs, level, blockedUntil, started: started === 1 };
}
