/** A client of the library, as far as it is watched: it emits `ping-interval` each time that a ping was answered. */
export interface Pinging {
  readonly isReady: boolean;
  on(event: 'ready' | 'ping-interval', heard: () => void): unknown;
  destroy(): void;
  connect(): Promise<unknown>;
}

/** How often each client pings. */
export const pingIntervalMs = 1_000;
/** So many intervals without an answer, and a connection is left. */
const maxUnanswered = 5;

/**
 * Leaves connections that no longer answer, and makes them anew. The library waits for one as long as something can be
 * written to it: where the network was cut without a word, for a quarter of an hour.
 */
export class PingWatch {
  readonly #unanswered = new Map<Pinging, number>();
  readonly #isInUse: (client: Pinging) => boolean;
  readonly #timer: NodeJS.Timeout;

  /** @param isInUse whether a client is still to be watched */
  constructor(isInUse: (client: Pinging) => boolean = () => true) {
    this.#isInUse = isInUse;
    this.#timer = setInterval(() => this.#check(), pingIntervalMs).unref();
  }

  /** Watches a client from now on; more than once is as once. */
  add(client: Pinging): void {
    if (this.#unanswered.has(client)) return;
    const answered = () => void (this.#unanswered.has(client) && this.#unanswered.set(client, 0));
    client.on('ready', answered);
    client.on('ping-interval', answered);
    this.#unanswered.set(client, 0);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Counts intervals and not time, of which this process itself may have missed some. */
  #check(): void {
    for (const [client, intervals] of this.#unanswered) {
      if (!this.#isInUse(client)) {
        this.#unanswered.delete(client);
      } else if (client.isReady) {
        this.#unanswered.set(client, intervals + 1);
        if (intervals < maxUnanswered) continue;
        client.destroy();
        // Tries until it succeeds, or is closed; the library reports what goes wrong.
        client.connect().catch(() => {});
      }
    }
  }
}
