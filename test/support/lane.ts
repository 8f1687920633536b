import type { Socket } from 'node:net';

/** How bytes go one way. */
export interface Pace {
  /** Nothing goes on, neither bytes nor an end; what has been sent waits, and goes on once this is over. */
  readonly stalled: boolean;
  readonly latencyMs: number;
  readonly bytesPerSecond: number;
  /** Each byte is written by itself, so that no message arrives in one piece. */
  readonly bytewise: boolean;
}

/** What one direction holds before it reads no more, as the buffers of a network would. */
const maxHeld = 256 * 1_024;
/** A throttled direction is given a share of its second so often. */
const throttleMs = 10;

/** One direction of a connection through the proxy. */
export class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #held: { bytes: Buffer; dueMs: number }[] = [];
  #pace: Pace;
  #heldBytes = 0;
  #isRunning = false;
  /** Wakes the one that waits for another pace. */
  #changed: () => void = () => {};

  constructor(from: Socket, to: Socket, pace: Pace) {
    this.#from = from;
    this.#to = to;
    this.#pace = pace;
    from.on('data', (bytes) => {
      this.#held.push({ bytes, dueMs: performance.now() + this.#pace.latencyMs });
      this.#heldBytes += bytes.length;
      if (this.#heldBytes > maxHeld) from.pause();
      void this.#run();
    });
    from.on('end', () => void this.#run());
  }

  set pace(pace: Pace) {
    this.#pace = pace;
    this.#changed();
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let next = this.#held.shift(); next !== undefined; next = this.#held.shift()) {
      await sleep(next.dueMs - performance.now());
      for (let rest = next.bytes; rest.length > 0; rest = await this.#write(rest));
      this.#heldBytes -= next.bytes.length;
      if (this.#heldBytes <= maxHeld) this.#from.resume();
    }
    await this.#passable();
    this.#isRunning = false;
    if (this.#held.length > 0) return this.#run();
    if (this.#from.readableEnded) this.#to.end();
  }

  /** Writes what the pace allows; gives what is left. */
  async #write(bytes: Buffer): Promise<Buffer> {
    await this.#passable();
    if (!this.#to.writable) return Buffer.alloc(0);
    const { bytewise, bytesPerSecond } = this.#pace;
    const share = Math.max(1, Math.floor((bytesPerSecond * throttleMs) / 1_000));
    const size = bytewise ? 1 : Math.min(share, bytes.length);
    if (!this.#to.write(bytes.subarray(0, size))) await this.#drained();
    if (bytewise) await new Promise((resolve) => setImmediate(resolve));
    else if (bytesPerSecond !== Infinity) await sleep(throttleMs);
    return bytes.subarray(size);
  }

  async #passable(): Promise<void> {
    while (this.#pace.stalled && !this.#to.destroyed) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
        this.#to.once('close', resolve);
      });
      this.#to.removeListener('close', this.#changed);
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#to.removeListener('drain', done).removeListener('close', done);
        resolve();
      };
      this.#to.on('drain', done).on('close', done);
    });
  }
}

async function sleep(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
