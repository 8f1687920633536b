import { type CloseName, sendQueue, tokenLifetime } from '../../../generated/messages.ts';
import { type Connection, timestamp } from '../../rooms/connection.ts';
import { encodeFrame } from '../../rooms/frame.ts';

/** A socket as it is watched. */
export interface Watched {
  /** When something was last heard of the client, by the steady clock. */
  readonly lastHeardAt: number;
  ping(): void;
  close(name: CloseName): void;
  /** How many bytes wait for the client, and how many it has taken. */
  progress(): { readonly waiting: number; readonly taken: number };
}

interface Watch {
  readonly connection: Connection;
  pingedAt: number;
  /** When it was first pinged since it was last heard; where that is earlier, it is not being asked. */
  askedAt: number;
  /** The `expiresAt` that the client was warned of; a refreshed token has another. */
  warnedOf: number;
  /** What the client had taken when it last took something, and when that was. */
  taken: number;
  tookAt: number;
}

/** Its multiples lie evenly between 0 and 1, however many there are. */
const goldenRatio = 0.618_033_988_75;

/** How often silence is looked for, and how much is too much; in milliseconds. */
export interface HeartbeatSettings {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/**
 * Watches all sockets with one timer: pings them, ends the silent ones (4001) and those that read nothing (4002), and
 * warns of tokens that end (`session.tokenExpiring`) before it ends the sockets whose tokens were not refreshed (4003).
 */
export class Heartbeat {
  readonly #watches = new Map<Watched, Watch>();
  readonly #settings: HeartbeatSettings;
  readonly #now: () => number;
  readonly #steadyNow: () => number;
  readonly #timer: NodeJS.Timeout;
  readonly #tickMs: number;
  #tickedAt: number;
  #isAwake = true;
  #phase = 0;

  /**
   * @param now epoch milliseconds, for the ends of tokens
   * @param steadyNow a clock that nobody sets, for silence
   */
  constructor(settings: HeartbeatSettings, now: () => number, steadyNow: () => number) {
    this.#settings = settings;
    this.#now = now;
    this.#steadyNow = steadyNow;
    // Often, so that few are pinged at a time.
    this.#tickMs = Math.max(10, Math.min(250, settings.intervalMs / 4));
    this.#tickedAt = steadyNow();
    this.#timer = setInterval(() => this.#tick(), this.#tickMs);
    this.#timer.unref();
  }

  watch(socket: Watched, connection: Connection): void {
    const now = this.#steadyNow();
    // Those who came together, after a restart say, are not pinged together.
    const pingedAt = now - this.#phase * this.#settings.intervalMs;
    this.#phase = (this.#phase + goldenRatio) % 1;
    this.#watches.set(socket, { connection, pingedAt, askedAt: 0, warnedOf: 0, taken: 0, tookAt: now });
  }

  forget(socket: Watched): void {
    this.#watches.delete(socket);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = this.#now();
    const steadyNow = this.#steadyNow();
    // After a time in which nothing ran, what clients have said meanwhile is still to be read: by the next tick it is.
    this.#isAwake = !this.#isAwake || steadyNow - this.#tickedAt < 2 * this.#tickMs;
    this.#tickedAt = steadyNow;
    for (const [socket, watch] of this.#watches) {
      if (this.#isAwake) {
        this.#checkSilence(socket, watch, steadyNow);
        this.#checkProgress(socket, watch, steadyNow);
      }
      this.#checkToken(socket, watch, now);
    }
  }

  #checkSilence(socket: Watched, watch: Watch, now: number): void {
    const { intervalMs, timeoutMs } = this.#settings;
    const isAsked = watch.askedAt > socket.lastHeardAt;
    const hadTime = isAsked && now - watch.askedAt >= timeoutMs - intervalMs;
    if (hadTime && now - socket.lastHeardAt > timeoutMs) {
      socket.close('heartbeat_timeout');
    } else if (now - watch.pingedAt >= intervalMs) {
      if (!isAsked) watch.askedAt = now;
      watch.pingedAt = now;
      socket.ping();
    }
  }

  #checkProgress(socket: Watched, watch: Watch, now: number): void {
    const { waiting, taken } = socket.progress();
    if (waiting === 0 || taken > watch.taken) {
      watch.taken = taken;
      watch.tookAt = now;
    } else if (now - watch.tookAt > sendQueue.stallMs) {
      socket.close('slow_consumer');
    }
  }

  #checkToken(socket: Watched, watch: Watch, now: number): void {
    const { outlet, identity } = watch.connection;
    const { expiresAt } = identity;
    const { warnBeforeMs, skewMs } = tokenLifetime;
    if (now > expiresAt + skewMs) {
      socket.close('token_expired');
    } else if (now >= expiresAt - warnBeforeMs && watch.warnedOf !== expiresAt) {
      watch.warnedOf = expiresAt;
      outlet.send(encodeFrame('session.tokenExpiring', { expiresAt: timestamp(expiresAt) }, now));
    }
  }
}
