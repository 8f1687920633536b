import type { LimitBlock, LimitPolicy, LimitRefusal, LimitVerdict } from './policy.ts';

/**
 * Where the escalating limiter remembers its keys: in this process, or shared by all nodes.
 *
 * Every store passes `test/limits/limit-store-suite.ts` and promises:
 * - No interval of `policy.windowMs` holds more than `policy.limit` accepted requests of a key.
 * - `take` is atomic: of more parallel calls than the quota exactly the quota is allowed, one starts a block,
 *   and the rest are refused by that block.
 * - A refusal during a block writes nothing: the block is not extended and the level does not change, so
 *   a request made `retryAfterMs` later succeeds, with the full quota.
 * - Keys of one policy do not touch those of another.
 * - A key is held only until it is wholly forgiven and its log empty.
 */
export interface LimitStore {
  /**
   * Counts one request and says whether it may go on; only an allowed one uses up quota.
   *
   * A store that does no I/O answers without a promise, so that callers need not wait a turn for it. One that does
   * rejects where it gets no answer.
   *
   * @param policy one that `checkedPolicy` accepts; its `name` is part of the key
   * @param key who asks, for example a hash of the verified identity
   */
  take(policy: LimitPolicy, key: string): LimitVerdict | Promise<LimitVerdict>;

  /** The block that a key is in, as a request would be told of it; counts nothing. `undefined`: none. */
  blocked(policy: LimitPolicy, key: string): LimitRefusal | undefined | Promise<LimitRefusal | undefined>;
}

/** A store that can go on where another one left off. */
export interface MergingLimitStore extends LimitStore {
  /**
   * Takes over a block that another store started, running or over, by maximum: the later end counts, and the higher
   * level. Neither order nor repeats matter.
   *
   * @param block its end by the clock of this store
   */
  block(policy: LimitPolicy, key: string, block: LimitBlock): void | Promise<void>;
}
