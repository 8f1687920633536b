import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../rooms/clock.ts';
import { SignalboxError } from '../rooms/errors.ts';
import { type IdempotencyKeys, refuseOther, rememberedMs } from '../rooms/idempotency-keys.ts';
import type { Ready } from '../rooms/ready.ts';
import { type Redis, script } from './redis.ts';

/** What tests make shorter. */
export interface IdempotencyTimes {
  /** How long an answer is kept. */
  readonly keptMs: number;
  /** How long others hold back for a node that acts, and that may have died of it. */
  readonly heldMs: number;
  /** How long one waits that comes while another one acts. */
  readonly waitMs: number;
}

const usual: IdempotencyTimes = { keptMs: rememberedMs, heldMs: 60_000, waitMs: 5_000 };
const pollMs = 50;
const retryMs = 1_000;
/** What Redis is still to be told of at once; of more, what is held ends by itself. */
const maxUnsettled = 1_000;

/** What Redis has of a key: who acts, or the answer. */
interface Known {
  readonly request: string;
  readonly by?: string;
  readonly answer?: unknown;
}

/** KEYS: the key. ARGV: who would act, and for how long to hold it. Returns what is known; nothing: it is to act. */
const hold = script(`
local known = redis.call('GET', KEYS[1])
if not known then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return known
`);

/** KEYS: the key. ARGV: who acted, the answer (empty: there is none), and how long to keep it. */
const settle = script(`
local known = redis.call('GET', KEYS[1])
if known and known ~= ARGV[1] then return end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
`);

/**
 * Answers to requests that carried an `Idempotency-Key`, on all nodes.
 *
 * A key is held while its request is carried out; who comes meanwhile asks again and again, and is told `degraded` where
 * that takes too long. Where a node has acted and cannot say so, it goes on trying; if it dies before, a minute later the
 * same request acts once more.
 *
 * Round trips: 2 for the first request, of which the second follows the act, and 1 for another one.
 */
export class RedisIdempotencyKeys implements IdempotencyKeys {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #later: Clock['later'];
  readonly #times: IdempotencyTimes;
  #unsettled = 0;

  /** @param prefix what all keys begin with; no braces, which say what lies in one slot */
  constructor(redis: Redis, prefix: string, later: Clock['later'], times = usual) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#later = later;
    this.#times = times;
  }

  async once<T>(caller: string, key: string | undefined, request: string, act: () => Ready<T>): Promise<T> {
    if (key === undefined) return act();
    const name = this.#nameOf(caller, key);
    const mine = JSON.stringify({ request, by: randomUUID() } satisfies Known);
    for (let waitedMs = 0; ; waitedMs += pollMs) {
      const known = await this.#hold(name, mine);
      if (known === undefined) return this.#act(name, mine, request, act);
      refuseOther(known, request);
      if (known.by === undefined) return known.answer as T; // the same caller, key and request
      if (waitedMs >= this.#times.waitMs) {
        throw new SignalboxError('degraded', 'The same request is still being carried out.');
      }
      await new Promise<void>((resolve) => this.#later(resolve, pollMs));
    }
  }

  async #hold(name: string, mine: string): Promise<Known | undefined> {
    try {
      const known = await this.#redis.run(hold, [name], [mine, this.#times.heldMs]);
      return known === null ? undefined : JSON.parse(known as string);
    } catch (error) {
      void this.#settle(name, mine, ''); // it may be held all the same
      throw error;
    }
  }

  async #act<T>(name: string, mine: string, request: string, act: () => Ready<T>): Promise<T> {
    let answer: T;
    try {
      answer = await act();
    } catch (error) {
      await this.#settle(name, mine, '');
      throw error;
    }
    await this.#settle(name, mine, JSON.stringify({ request, answer } satisfies Known));
    return answer;
  }

  /** Resolves after the first try; never rejects. */
  async #settle(name: string, mine: string, answer: string, triedMs = 0): Promise<void> {
    try {
      await this.#redis.run(settle, [name], [mine, answer, this.#times.keptMs]);
    } catch {
      if (triedMs >= this.#times.heldMs || this.#unsettled >= maxUnsettled) return;
      this.#unsettled += 1;
      this.#later(() => {
        this.#unsettled -= 1;
        void this.#settle(name, mine, answer, triedMs + retryMs);
      }, retryMs);
    }
  }

  #nameOf(caller: string, key: string): string {
    const hash = createHash('sha256').update(`${caller} ${key}`).digest('base64url');
    return `${this.#prefix}{idempotency:${hash}}`;
  }
}
