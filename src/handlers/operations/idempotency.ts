import { SignalboxError } from '../../rooms/errors.ts';

interface Remembered {
  readonly request: string;
  readonly answer: unknown;
  readonly until: number;
}

const rememberedMs = 24 * 60 * 60 * 1000;
/** Bounds the memory; the oldest go first. At one key a second this is well over a day of one administrator. */
const maxRemembered = 100_000;

/** Answers to requests that carried an `Idempotency-Key`, kept for 24 hours, so that a retry acts only once. */
export class IdempotencyKeys {
  /** Oldest first, since a map keeps the order of insertion and all are kept equally long. */
  readonly #answers = new Map<string, Remembered>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Runs `act`, or repeats what it returned to the same caller for the same key. An `act` that throws is not
   * remembered.
   *
   * @param request what the answer depends on; the same key with another one is `idempotency_conflict`
   */
  once<T>(caller: string, key: string | undefined, request: string, act: () => T): T {
    if (key === undefined) return act();
    this.#forget();
    const name = `${caller} ${key}`;
    const known = this.#answers.get(name);
    if (known === undefined) {
      const answer = act();
      this.#answers.set(name, { request, answer, until: this.#now() + rememberedMs });
      return answer;
    }
    if (known.request !== request) {
      throw new SignalboxError('idempotency_conflict', 'This Idempotency-Key was used with another request.');
    }
    return known.answer as T; // the same caller, key and request: what the same `act` returned
  }

  #forget(): void {
    for (const [name, { until }] of this.#answers) {
      if (until > this.#now() && this.#answers.size < maxRemembered) return;
      this.#answers.delete(name);
    }
  }
}
