import { SignalboxError } from '../../rooms/errors.ts';

/** How many may go through, and how many may wait. */
export interface TurnstileLimits {
  /** So many begin in one turn of the event loop. */
  readonly perTurn: number;
  /** So many are under way at once. */
  readonly atOnce: number;
  /** So many wait; one more is refused. */
  readonly maxWaiting: number;
  /** Who has waited longer than this many milliseconds is refused: it may have given up. */
  readonly waitMs: number;
}

interface Waiting {
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Lets handshakes in a few at a time, in the order in which they came. Where thousands come back at once, those who are
 * there already are served in between, and what waits does not fill the memory.
 */
export class Turnstile {
  readonly #limits: TurnstileLimits;
  readonly #steadyNow: () => number;
  readonly #nextTurn: (run: () => void) => void;
  readonly #waiting: Waiting[] = [];
  #inside = 0;
  #begun = 0;
  #isTurning = false;

  /**
   * @param steadyNow a clock in milliseconds that nobody sets
   * @param nextTurn runs once the event loop has looked after the open sockets
   */
  constructor(limits: TurnstileLimits, steadyNow: () => number, nextTurn = waitForTurn) {
    this.#limits = limits;
    this.#steadyNow = steadyNow;
    this.#nextTurn = nextTurn;
  }

  /** Runs `work` when its turn has come; rejects as it does, or because too many are waiting (`overloaded`). */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length > 0 || !this.#hasRoom()) await this.#wait();
    else this.#begin();
    try {
      return await work();
    } finally {
      this.#inside -= 1;
      if (this.#waiting.length > 0) this.#turn();
    }
  }

  #hasRoom(): boolean {
    return this.#begun < this.#limits.perTurn && this.#inside < this.#limits.atOnce;
  }

  #begin(): void {
    this.#begun += 1;
    this.#inside += 1;
    this.#turn();
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= this.#limits.maxWaiting) throw overloaded(this.#limits.waitMs);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ since: this.#steadyNow(), resolve, reject });
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    this.#nextTurn(() => this.#takeTurn());
  }

  #takeTurn(): void {
    this.#isTurning = false;
    this.#begun = 0;
    const { perTurn, waitMs } = this.#limits;
    const latest = this.#steadyNow() - waitMs;
    // A refusal is work too.
    for (let taken = 0; taken < perTurn && this.#hasRoom(); taken += 1) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (next.since < latest) {
        this.#turn();
        next.reject(overloaded(waitMs));
      } else {
        this.#begin();
        next.resolve();
      }
    }
  }
}

function overloaded(retryAfterMs: number): SignalboxError {
  return new SignalboxError('overloaded', 'Too many clients come at once.', { retryAfterMs });
}

function waitForTurn(run: () => void): void {
  setImmediate(run);
}
