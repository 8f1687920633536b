import type { SessionWelcome } from '../../generated/messages.ts';

/** Timers have no finer promise than this, and a step of nothing would never end. */
const leastStepMs = 50;

/**
 * Notices that a connection is dead of which nobody says so, as when a network is gone: asks for a sign of life when it
 * is time, and tells when none has come for too long.
 *
 * Counts steps rather than time: what slept, or was busy, finds what has come meanwhile before it takes it for silence.
 */
export class Pulse {
  readonly #heartbeat: SessionWelcome['heartbeat'];
  readonly #ping: () => void;
  readonly #dead: () => void;
  readonly #stepMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silentMs = 0;
  #sincePingMs = 0;

  /**
   * Starts at once.
   *
   * @param heartbeat the server's own: how often to ask, and how long a silence is too long
   * @param dead called once at most; nothing follows it
   */
  constructor(heartbeat: SessionWelcome['heartbeat'], ping: () => void, dead: () => void) {
    this.#heartbeat = heartbeat;
    this.#ping = ping;
    this.#dead = dead;
    this.#stepMs = Math.max(leastStepMs, (heartbeat.timeoutMs - heartbeat.intervalMs) / 2);
    this.#next();
  }

  /** Something has come. */
  heard(): void {
    this.#silentMs = 0;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #next(): void {
    this.#timer = setTimeout(() => this.#step(), this.#stepMs);
  }

  #step(): void {
    const { intervalMs, timeoutMs } = this.#heartbeat;
    this.#silentMs += this.#stepMs;
    this.#sincePingMs += this.#stepMs;
    if (this.#silentMs >= timeoutMs) return this.#dead();
    this.#next();
    if (this.#sincePingMs < intervalMs) return;
    this.#sincePingMs = 0;
    this.#ping();
  }
}
