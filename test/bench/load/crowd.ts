import { setImmediate as nextTurn } from 'node:timers/promises';
import { Client, type Owner } from './client.ts';
import type { Dialect, Seat } from './dialects.ts';

/** Takes each text that a client gets from when it has joined. */
export type TextSink = (client: Client, bytes: Buffer, start: number, end: number) => void;

/** Handshakes under way at once: well under the queue of 511 that Node's servers listen with. */
const atOnce = 128;

/** All clients of one server or cluster, until that ends. The first that fails fails what is measured. */
export class Crowd implements Owner {
  readonly clients: Client[] = [];
  #joined = 0;
  #fault: Error | undefined;
  readonly #portOf: (seat: Seat) => number;
  readonly #dialect: Dialect;
  readonly #sink: TextSink;

  /** @param port of the server, or of the node that a client is to go to */
  constructor(port: number | ((seat: Seat) => number), dialect: Dialect, sink: TextSink) {
    this.#portOf = typeof port === 'number' ? () => port : port;
    this.#dialect = dialect;
    this.#sink = sink;
  }

  /**
   * Lets clients in, in this order; resolves when each is in its room.
   *
   * @param overMs how long it is to take, if the server can; 0: as fast as it can
   */
  async join(seats: readonly Seat[], overMs = 0): Promise<void> {
    const startedAt = performance.now();
    for (const [index, seat] of seats.entries()) {
      const dueAt = startedAt + (index / seats.length) * overMs;
      const isTime = () => this.clients.length - this.#joined < atOnce && performance.now() >= dueAt;
      if (!isTime()) await this.until(isTime, 'joins');
      this.clients.push(new Client(this.#portOf(seat), seat, this.#dialect, this));
    }
    await this.until(() => this.#joined === this.clients.length, 'the last joins');
  }

  /**
   * Waits without ever sleeping: a client that sleeps would have to be woken by the server's write, whose CPU time
   * is what is measured, and which does not happen where clients are on other machines.
   */
  async until(isDone: () => boolean, what: string, patienceMs = 30_000): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!isDone()) {
      this.check();
      if (performance.now() > deadline) throw new Error(`gave up waiting for ${what}`);
      await nextTurn();
    }
    this.check();
  }

  /** Lets time pass. */
  async rest(ms: number): Promise<void> {
    const end = performance.now() + ms;
    await this.until(() => performance.now() >= end, 'time to pass');
  }

  /** Throws what has gone wrong with any client. */
  check(): void {
    if (this.#fault) throw this.#fault;
  }

  joined(): void {
    this.#joined += 1;
  }

  text(client: Client, bytes: Buffer, start: number, end: number): void {
    this.#sink(client, bytes, start, end);
  }

  failed(_client: Client, error: Error): void {
    this.#fault ??= error;
  }
}

const errorHead = Buffer.from('{"type":"error"');

/** Throws where a text is an error of the server's, rather than something that it may say by the way. */
export function refuseError(bytes: Buffer, start: number, end: number): void {
  if (bytes.compare(errorHead, 0, errorHead.length, start, Math.min(end, start + errorHead.length)) !== 0)
    return;
  throw new Error(`the server said ${bytes.toString('utf8', start, end)}`);
}
