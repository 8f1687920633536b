import { writeSync } from 'node:fs';

/** How much waits for whoever reads the output, in bytes or so, before lines are dropped. */
const maxWaiting = 1_048_576;
const retryMs = 100;
/** How often it is tried in the end to write what waits. */
const lastTries = 5;

/**
 * The output of this process, which nobody may be reading: then lines wait, later ones are dropped, and it is told how many
 * once it is read again. Neither the server nor its exit waits for a reader.
 */
export class Output {
  readonly #fd: number;
  readonly #onDropped: (lines: number) => void;
  #lines: string[] = [];
  #linesLength = 0;
  /** What of earlier lines has not been taken yet. */
  #rest = Buffer.alloc(0);
  #dropped = 0;
  #isDue = false;
  #isOver = false;

  /** @param onDropped is told how many lines were dropped, once more can be written */
  constructor(fd: number, onDropped: (lines: number) => void) {
    this.#fd = fd;
    this.#onDropped = onDropped;
    process.once('exit', () => this.#finish());
  }

  /** Takes a line with its end; it is written after the present turn of the event loop. */
  write(line: string): void {
    if (this.#isOver) return;
    if (this.#rest.length + this.#linesLength + line.length > maxWaiting) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#linesLength += line.length;
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => this.#drain());
  }

  /** Resolves when all lines are written; soon, and without them, where nobody reads them: it takes no more then. */
  async flush(): Promise<void> {
    for (let tries = 1; !this.#isWritten() && !this.#isOver; tries += 1) {
      if (tries === lastTries) this.#isOver = true;
      else await new Promise((later) => setTimeout(later, retryMs));
    }
  }

  /** The event loop has stopped: what can be written is written now. */
  #finish(): void {
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    for (let tries = 1; tries < lastTries && !this.#isOver && !this.#isWritten(); tries += 1) {
      Atomics.wait(sleeper, 0, 0, retryMs);
    }
    this.#isOver = true;
  }

  #drain(): void {
    this.#isDue = false;
    if (this.#isOver) return;
    if (!this.#isWritten()) {
      this.#isDue = true;
      setTimeout(() => this.#drain(), retryMs).unref();
    } else if (this.#dropped > 0) {
      const lines = this.#dropped;
      this.#dropped = 0;
      this.#onDropped(lines);
    }
  }

  /** Writes what waits, and says whether that is all. */
  #isWritten(): boolean {
    while (this.#rest.length > 0 || this.#lines.length > 0) {
      if (this.#rest.length === 0) {
        this.#rest = Buffer.from(this.#lines.join(''));
        this.#lines = [];
        this.#linesLength = 0;
      }
      try {
        this.#rest = this.#rest.subarray(writeSync(this.#fd, this.#rest));
      } catch (error) {
        // Whoever read it has gone for good; anything else, such as a full pipe or disk, may pass.
        if ((error as NodeJS.ErrnoException).code === 'EPIPE') this.#isOver = true;
        return this.#isOver;
      }
    }
    return true;
  }
}
