import {
  type LimitsEvent,
  ResilientLimitStore,
  type SharedLimitStore,
} from '../../src/cluster/resilient-limit-store.ts';
import { LocalLimitStore } from '../../src/limits/local-limit-store.ts';
import type { LimitPolicy } from '../../src/limits/policy.ts';

export const policy: LimitPolicy = {
  name: 'kick',
  limit: 20,
  windowMs: 60_000,
  block: { minMs: 120_000, maxMs: 1_800_000 },
};

/** What a shared store that is gone rejects with. */
export const gone = new Error('gone');

/** One of three nodes and the store that they share, by a clock that only the test moves. */
export class Rig {
  readonly clock: { nowMs: number };
  readonly events: LimitsEvent[] = [];
  /** What the shared store was asked. */
  readonly asked: string[] = [];
  /** What is to run a second later. */
  readonly probes: (() => void)[] = [];
  /** What the shared store rejects with, if with anything. */
  failure: Error | undefined;
  nodes = 3;
  /** What the shared store holds; its clock is another than that of the nodes. */
  held = this.#empty();
  readonly local = new LocalLimitStore(() => this.clock.nowMs);
  readonly store: ResilientLimitStore;

  constructor(clock = { nowMs: 1_000_000 }) {
    this.clock = clock;
    const shared: SharedLimitStore = {
      take: async (...args) => this.#answer('take', () => this.held.take(...args)),
      blocked: async (...args) => this.#answer('blocked', () => this.held.blocked(...args)),
      block: async (...args) => this.#answer('block', () => this.held.block(...args)),
      ready: async () => this.#answer('ready', () => this.held.now()),
    };
    this.store = new ResilientLimitStore(
      shared,
      this.local,
      () => this.nodes,
      (event) => this.events.push(event),
      (run, ms) => {
        if (ms !== 1_000) throw new Error(`tried again after ${ms} ms`);
        this.probes.push(run);
      },
    );
  }

  async calls(count: number, key = 'anna') {
    const verdicts = [];
    for (let i = 0; i < count; i += 1) verdicts.push(await this.store.take(policy, key));
    return verdicts;
  }

  /** Has the shared store go, and the node notice. */
  async degrade(): Promise<void> {
    this.failure = gone;
    await this.calls(3, 'nobody');
    this.asked.length = 0;
  }

  /** Lets the next probe run to its end, a second later, with the shared store back or still gone. */
  async probe(failure?: Error): Promise<void> {
    this.failure = failure;
    this.clock.nowMs += 1_000;
    this.probes.shift()?.();
    await this.settled();
  }

  settled(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Has the shared store forget everything. */
  flush(): void {
    this.held = this.#empty();
  }

  #empty(): LocalLimitStore {
    return new LocalLimitStore(() => this.clock.nowMs + 5_000_000);
  }

  #answer<T>(call: string, work: () => T): T {
    this.asked.push(call);
    if (this.failure) throw this.failure;
    return work();
  }
}
