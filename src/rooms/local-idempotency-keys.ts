import { type IdempotencyKeys, refuseOther, rememberedMs } from './idempotency-keys.ts';
import type { Ready } from './ready.ts';

interface Remembered {
  readonly request: string;
  readonly answer: unknown;
  readonly until: number;
}

/** A request that is being carried out. */
interface Running {
  readonly request: string;
  /** Resolves when it is over, whatever came of it. */
  readonly over: Promise<void>;
}

/** Bounds the memory; the oldest go first. At one key a second this is well over a day of one administrator. */
const maxRemembered = 100_000;

/** Answers to requests that carried an `Idempotency-Key`, in this process. */
export class LocalIdempotencyKeys implements IdempotencyKeys {
  /** Oldest first, since a map keeps the order of insertion and all are kept equally long. */
  readonly #answers = new Map<string, Remembered>();
  readonly #running = new Map<string, Running>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  once<T>(caller: string, key: string | undefined, request: string, act: () => Ready<T>): Ready<T> {
    if (key === undefined) return act();
    this.#forget();
    const name = `${caller} ${key}`;
    const known = this.#answers.get(name);
    if (known !== undefined) {
      refuseOther(known, request);
      return known.answer as T; // the same caller, key and request: what the same `act` returned
    }
    const running = this.#running.get(name);
    if (running !== undefined) {
      refuseOther(running, request);
      return running.over.then(() => this.once(caller, key, request, act));
    }
    const answer = act();
    if (!(answer instanceof Promise)) return this.#remember(name, request, answer);
    const remembered = answer.then((late) => this.#remember(name, request, late));
    const end = () => void this.#running.delete(name);
    this.#running.set(name, { request, over: remembered.then(end, end) });
    return remembered;
  }

  #remember<T>(name: string, request: string, answer: T): T {
    this.#answers.set(name, { request, answer, until: this.#now() + rememberedMs });
    return answer;
  }

  #forget(): void {
    for (const [name, { until }] of this.#answers) {
      if (until > this.#now() && this.#answers.size < maxRemembered) return;
      this.#answers.delete(name);
    }
  }
}
