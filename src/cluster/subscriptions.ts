import { randomUUID } from 'node:crypto';
import type { Clock } from '../rooms/clock.ts';
import type { Report } from '../rooms/events.ts';
import type { Listen, Listener } from './listener.ts';
import { inTime, type Publisher } from './redis.ts';

/** Whether messages arrive here; one event for each change. */
export type DeliveryEvent =
  | {
      /** Nothing arrives, though the connection may well look sound. */
      readonly type: 'delivery.silent';
      readonly error: unknown;
    }
  | {
      readonly type: 'delivery.restored';
      /** For how long it was known that nothing arrived. */
      readonly afterMs: number;
    };

/** How delivery is watched. */
export interface ProbeWindows {
  /** How often this node publishes to itself. */
  readonly probeMs: number;
  /** After so long without hearing itself it connects anew; so many whole probes. */
  readonly silenceMs: number;
}

/** As the fault table of the service promises. */
export const probeWindows: ProbeWindows = { probeMs: 2_000, silenceMs: 6_000 };

/** Channels subscribed to in one step, where all of them are. */
const batchSize = 500;
const shortestPauseMs = 50;
const longestPauseMs = 1_000;

interface Subscription {
  readonly hear: (text: string) => void;
  /** Settles when Redis has answered. */
  readonly isHeard: Promise<void>;
}

/**
 * The channels that this node hears, and the connection on which it does.
 *
 * **Delivery is probed, not the connection**, which may look sound while most messages are lost: every `probeMs` the node
 * publishes to a channel of its own, on a Redis Cluster to one on each machine. Once it has heard nothing of one of them
 * for `silenceMs`, or the connection breaks, it makes another connection from scratch, subscribes to everything again, and
 * goes on trying until it hears itself. Then it calls `onGap`: whatever was published since may have been missed.
 * Silence is counted in probes sent, so that a process that hung itself does not take that for silence.
 *
 * Meanwhile it holds no more than the names of the channels.
 */
export class Subscriptions {
  readonly #publisher: Publisher;
  readonly #listen: Listen;
  readonly #probeName: (tag: string) => string;
  readonly #onGap: () => void;
  readonly #report: Report<DeliveryEvent>;
  readonly #clock: Clock;
  readonly #windows: ProbeWindows;
  readonly #subscriptions = new Map<string, Subscription>();
  /** With which beat each probe was last heard on the present connection; before that, `-Infinity`. */
  #heardAt = new Map<string, number>();
  #beats = 0;
  #listener: Listener | undefined;
  #silentSinceMs: number | undefined;
  #isStarted = false;
  #isStopped = false;
  #gaps = 0;

  /**
   * @param prefix what all channels begin with; no braces
   * @param onGap called each time that messages may have been missed, once all is heard again; must not throw
   * @param clock steady: `now` need not be the time of day
   */
  constructor(
    publisher: Publisher,
    listen: Listen,
    prefix: string,
    onGap: () => void,
    report: Report<DeliveryEvent>,
    clock: Clock,
    windows: ProbeWindows = probeWindows,
  ) {
    this.#publisher = publisher;
    this.#listen = listen;
    const id = randomUUID();
    this.#probeName = (tag) => `${prefix}{${tag}}:probe:${id}`;
    this.#onGap = onGap;
    this.#report = report;
    this.#clock = clock;
    this.#windows = windows;
  }

  /** Connects; rejects where that fails or nothing is heard. */
  async start(): Promise<void> {
    await this.#build();
    this.#isStarted = true;
    this.#beatLater();
  }

  /** Hears nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Whether messages arrive, as far as is known. */
  get delivering(): boolean {
    return this.#isStarted && this.#silentSinceMs === undefined && !this.#isStopped;
  }

  /** How often messages may have been missed, for a metric. */
  get gaps(): number {
    return this.#gaps;
  }

  /** How many channels are heard. */
  get size(): number {
    return this.#subscriptions.size;
  }

  /**
   * Hears a channel: in order, and what this node publishes too. Resolves once nothing can be missed any more. Rejects,
   * and hears nothing, where Redis does not answer in time; at once while nothing is delivered.
   */
  subscribe(channel: string, hear: (text: string) => void): Promise<void> {
    const known = this.#subscriptions.get(channel);
    if (known !== undefined) return known.isHeard;
    const asked =
      this.#listener?.subscribe([channel]) ?? Promise.reject(new Error('nothing is delivered now'));
    const subscription = { hear, isHeard: inTime(asked) };
    this.#subscriptions.set(channel, subscription);
    subscription.isHeard.catch(() => {
      if (this.#subscriptions.get(channel) === subscription) this.unsubscribe(channel);
    });
    return subscription.isHeard;
  }

  unsubscribe(channel: string): void {
    const subscription = this.#subscriptions.get(channel);
    if (subscription === undefined) return;
    this.#subscriptions.delete(channel);
    // Not before Redis has answered, since the one may else overtake the other.
    const leave = () => {
      if (!this.#subscriptions.has(channel)) this.#listener?.unsubscribe(channel);
    };
    subscription.isHeard.then(leave, leave);
  }

  /** Makes a connection that hears everything; rejects, with nothing left of it, where it does not hear itself in time. */
  async #build(): Promise<void> {
    const broken = Promise.withResolvers<never>();
    const heardAt = new Map<string, number>();
    const allHeard = Promise.withResolvers<void>();
    const hear = (channel: string, text: string) => {
      if (this.#listener !== listener) return;
      const subscription = this.#subscriptions.get(channel);
      if (subscription !== undefined) return subscription.hear(text);
      if (!heardAt.has(channel)) return listener.unsubscribe(channel); // left just as this connection was made
      heardAt.set(channel, this.#beats);
      if (Math.min(...heardAt.values()) !== -Infinity) allHeard.resolve();
    };
    const listener = this.#listen(hear, broken.reject);
    const step = (answer: Promise<unknown>) =>
      inTime(Promise.race([answer, broken.promise]), this.#windows.silenceMs);
    try {
      await step(listener.connect());
      if (this.#isStopped) throw new Error('stopped');
      this.#listener = listener;
      for (const tag of listener.tags()) heardAt.set(this.#probeName(tag), -Infinity);
      await step(listener.subscribe([...heardAt.keys()]));
      const channels = [...this.#subscriptions.keys()];
      for (let n = 0; n < channels.length; n += batchSize) {
        const wanted = channels.slice(n, n + batchSize).filter((channel) => this.#subscriptions.has(channel));
        if (wanted.length > 0) await step(listener.subscribe(wanted));
      }
      await step(Promise.all([this.#publishTo(heardAt.keys()), allHeard.promise]));
      this.#heardAt = heardAt;
    } catch (error) {
      this.#listener = undefined;
      listener.close();
      throw error;
    }
    broken.promise.catch((error) => this.#lost(listener, error));
  }

  #publishTo(probes: Iterable<string>): Promise<unknown> {
    return Promise.all([...probes].map((probe) => this.#publisher.publish(probe, '')));
  }

  #beatLater(): void {
    this.#clock.later(() => this.#beat(), this.#windows.probeMs);
  }

  #beat(): void {
    if (this.#isStopped) return;
    this.#beatLater();
    const listener = this.#listener;
    if (listener === undefined || this.#silentSinceMs !== undefined) return;
    for (const probe of listener.tags().map(this.#probeName)) {
      if (this.#heardAt.has(probe)) continue;
      // A machine has come to the Redis Cluster.
      this.#heardAt.set(probe, this.#beats);
      listener.subscribe([probe]).catch(() => {});
    }
    // A command that fails is not delivered either: what is not heard tells it all.
    this.#publishTo(this.#heardAt.keys()).catch(() => {});
    this.#beats += 1;
    // Not before what has arrived is read.
    setImmediate(() => {
      const { probeMs, silenceMs } = this.#windows;
      if ((this.#beats - Math.min(...this.#heardAt.values())) * probeMs < silenceMs) return;
      this.#lost(listener, new Error(`this node has not heard itself for ${silenceMs} ms`));
    });
  }

  #lost(listener: Listener, error: unknown): void {
    if (this.#isStopped || this.#listener !== listener) return;
    this.#listener = undefined;
    listener.close();
    this.#silentSinceMs = this.#clock.now();
    this.#gaps += 1;
    this.#report({ type: 'delivery.silent', error });
    void this.#rebuild(0);
  }

  async #rebuild(failures: number): Promise<void> {
    if (this.#isStopped) return;
    try {
      await this.#build();
    } catch {
      const pauseMs = Math.min(shortestPauseMs * 2 ** failures, longestPauseMs);
      // Not all nodes at once.
      this.#clock.later(() => void this.#rebuild(failures + 1), pauseMs * (0.5 + Math.random() / 2));
      return;
    }
    const afterMs = this.#clock.now() - (this.#silentSinceMs ?? 0);
    this.#silentSinceMs = undefined;
    this.#report({ type: 'delivery.restored', afterMs });
    this.#onGap();
  }
}
