import { setTimeout as wait } from 'node:timers/promises';
import type { Domain } from './rooms/domain.ts';
import { Evacuation } from './rooms/evacuation.ts';
import type { Shared } from './shared.ts';
import type { TelemetryEvent } from './telemetry.ts';
import type { Upgrade } from './transports/websocket/upgrade.ts';

/** What is emptied. */
export interface DrainParts {
  readonly domain: Domain;
  readonly upgrade: Pick<Upgrade, 'joined' | 'closed'>;
  readonly shared: Pick<Shared, 'hasOthers' | 'isDegraded'>;
}

/** How long is waited for those who are about to come, and for sockets to close. */
const deadlineMs = 2_000;

/** The way of a server from being told to stop to being empty. */
export class Drain {
  readonly #delayMs: number;
  readonly #report: (event: TelemetryEvent) => void;
  #stage: 'open' | 'stopping' | 'draining' = 'open';
  #emptied: Promise<boolean> | undefined;

  /** @param delayMs how long load balancers have to notice */
  constructor(delayMs: number, report: (event: TelemetryEvent) => void) {
    this.#delayMs = delayMs;
    this.#report = report;
  }

  /** Whether the server was told to stop: nobody new is to be sent here. */
  readonly isStopping = () => this.#stage !== 'open';

  /** Whether those are refused who come in spite of that. */
  readonly isDraining = () => this.#stage === 'draining';

  /**
   * Empties the server, once, within 27 s of the delay. Never rejects; says whether all sessions have ended for the other
   * nodes, too.
   */
  run(parts: DrainParts): Promise<boolean> {
    this.#emptied ??= this.#empty(parts);
    return this.#emptied;
  }

  async #empty({ domain, upgrade, shared }: DrainParts): Promise<boolean> {
    this.#stage = 'stopping';
    this.#report({ type: 'server.stopping' });
    if (this.#delayMs > 0) await wait(this.#delayMs);
    this.#stage = 'draining';
    this.#report({ type: 'server.draining' });
    await upgrade.joined(deadlineMs);
    const evacuation = new Evacuation({ ...domain, pace: { steadyNow: () => performance.now(), wait } });
    await evacuation.sendAway();
    await upgrade.closed(deadlineMs);
    await evacuation.handOver(() => shared.hasOthers() && !shared.isDegraded());
    return evacuation.end();
  }
}
