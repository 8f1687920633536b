import { SignalboxError } from '../rooms/errors.ts';
import { atOnce } from './steps.ts';

interface Waiting {
  readonly start: () => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * Has Redis do only so much at a time, where thousands go at once: with more under way it would answer nobody in time,
 * and all of it would be done again. First come, first served.
 */
export class Pace {
  readonly #waiting: Waiting[] = [];
  #underWay = 0;

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Does it as soon as may be. Where Redis turns out to be out of reach, whoever waits is told so at once. */
  async run<T>(act: () => Promise<T>): Promise<T> {
    if (this.#underWay >= atOnce) {
      await new Promise<void>((start, refuse) => this.#waiting.push({ start, refuse }));
    } else {
      this.#underWay += 1;
    }
    try {
      return await act();
    } catch (error) {
      const isOutage = error instanceof SignalboxError && error.code === 'degraded';
      if (isOutage) for (const { refuse } of this.#waiting.splice(0)) refuse(error);
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next !== undefined) next.start();
      else this.#underWay -= 1;
    }
  }
}
