import { tokenLifetime } from '../../../generated/messages.ts';
import { type Connection, timestamp } from '../../rooms/connection.ts';
import { encodeFrame } from '../../rooms/frame.ts';
import type { Socket } from './socket.ts';

interface Watch {
  readonly connection: Connection;
  pingedAt: number;
  /** The `expiresAt` that the client was warned of; a refreshed token has another. */
  warnedOf: number;
}

/** How often silence is looked for, and how much is too much; in milliseconds. */
export interface HeartbeatSettings {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/**
 * Watches all sockets with one timer: pings them, ends the silent ones (4001), and warns of tokens that end
 * (`session.tokenExpiring`) before it ends the sockets whose tokens were not refreshed (4003).
 */
export class Heartbeat {
  readonly #watches = new Map<Socket, Watch>();
  readonly #settings: HeartbeatSettings;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;

  constructor(settings: HeartbeatSettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
    const tickMs = Math.max(10, Math.min(1_000, settings.intervalMs / 4));
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#timer.unref();
  }

  watch(socket: Socket, connection: Connection): void {
    this.#watches.set(socket, { connection, pingedAt: this.#now(), warnedOf: 0 });
  }

  forget(socket: Socket): void {
    this.#watches.delete(socket);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = this.#now();
    for (const [socket, watch] of this.#watches) {
      this.#checkSilence(socket, watch, now);
      this.#checkToken(socket, watch, now);
    }
  }

  #checkSilence(socket: Socket, watch: Watch, now: number): void {
    const { intervalMs, timeoutMs } = this.#settings;
    if (now - socket.lastHeardAt > timeoutMs) {
      socket.close('heartbeat_timeout');
    } else if (now - watch.pingedAt >= intervalMs) {
      watch.pingedAt = now;
      socket.ping();
    }
  }

  #checkToken(socket: Socket, watch: Watch, now: number): void {
    const { expiresAt } = watch.connection.identity;
    const { warnBeforeMs, skewMs } = tokenLifetime;
    if (now > expiresAt + skewMs) {
      socket.close('token_expired');
    } else if (now >= expiresAt - warnBeforeMs && watch.warnedOf !== expiresAt) {
      watch.warnedOf = expiresAt;
      socket.send(encodeFrame('session.tokenExpiring', { expiresAt: timestamp(expiresAt) }, now));
    }
  }
}
