import { expect } from 'vitest';
import { fenced } from '../../src/cluster/fence.ts';
import { Lease, type LeaseTimes } from '../../src/cluster/lease.ts';
import type { BeatAnswer } from '../../src/cluster/lease-scripts.ts';
import { type Redis, script } from '../../src/cluster/redis.ts';
import { connectTo, type RedisServer } from '../support/redis.ts';
import { atScopeEnd } from '../support/scope.ts';

/** Short enough to wait for; a beat that is 100 ms late is not missed thrice. */
export const shortTimes: LeaseTimes = { leaseMs: 400, beatMs: 50 };
export const patiently = { timeout: 8_000, interval: 10 };

const write = script(`${fenced} return redis.call('INCR', KEYS[1])`);

/** One node among others, which a test can freeze, cut off and have sweep slowly. */
export class Node {
  readonly lease: Lease;
  /** What it was told of nodes, in order: `dead <id>`, `lost <id>`, `emptied`. */
  readonly told: string[] = [];
  /** What it was told of Redis: `gone`, `recovered`. A busy machine is enough for that. */
  readonly outages: string[] = [];
  /** Its connection: nothing gets to Redis, no answer comes back, or none from the first that hands it a node. */
  line: 'whole' | 'cut' | 'late' | 'deaf' = 'whole';
  /** Whether whoever it tells of nodes throws, and what was said of that. */
  isFaulty = false;
  readonly faults: string[] = [];
  /** How it sweeps. */
  sweep: () => Promise<void> = async () => {};
  readonly redis: Redis;
  #frozen = false;
  readonly #due: (() => void)[] = [];

  constructor(redis: Redis, prefix: string, times = shortTimes) {
    this.redis = redis;
    const line: Redis = {
      command: (...call) => redis.command(...call),
      run: async (...call) => {
        if (this.line === 'cut') throw new Error('cut off');
        const answer = await redis.run(...call);
        if (this.line === 'deaf' && (answer as BeatAnswer)[4]?.length) this.line = 'late';
        if (this.line === 'late') throw new Error('late');
        return answer;
      },
      close: () => {},
    };
    const tell = (text: string) => {
      this.told.push(text);
      if (this.isFaulty) throw new Error(text);
    };
    const events = {
      onDead: (nodeId: string) => {
        tell(`dead ${nodeId}`);
        return this.sweep();
      },
      onLost: (lostId: string) => tell(`lost ${lostId}`),
      onEmptied: () => tell('emptied'),
      onGone: () => void this.outages.push('gone'),
      onRecovered: () => void this.outages.push('recovered'),
      onFault: (error: unknown) => void this.faults.push(String(error)),
    };
    const later = (run: () => void, ms: number) =>
      void setTimeout(() => (this.#frozen ? this.#due.push(run) : run()), ms);
    this.lease = new Lease(line, prefix, events, later, () => performance.now(), times);
    atScopeEnd(() => this.freeze());
  }

  /** Nothing that is due runs any more: for ever, and so the node is dead, or until it thaws. */
  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    for (const run of this.#due.splice(0)) run();
  }

  /** Whether it may write under a lease that ends then. */
  async writes(leaseEnd = this.lease.until): Promise<unknown> {
    return this.redis.run(write, ['written'], [leaseEnd]);
  }

  /** Those that it was told to sweep. */
  get dead(): string[] {
    return this.told.flatMap((text) => (text.startsWith('dead ') ? [text.slice(5)] : []));
  }
}

/** Nodes that begin together, each with a connection of its own, and have had the time to come back. */
export async function startNodes(server: RedisServer, count: number, prefix: string, times = shortTimes) {
  const connected = Array.from(
    { length: count },
    async () => new Node(await connectTo(server), prefix, times),
  );
  const nodes = await Promise.all(connected);
  for (const { lease } of nodes) await lease.start();
  await expect.poll(() => nodes.every(({ lease }) => lease.settled), patiently).toBe(true);
  return nodes;
}

/** Waits until nodes agree on who lives: they themselves, and nobody else. */
export async function untilAlone(nodes: readonly Node[]): Promise<void> {
  const ids = () => nodes.map(({ lease }) => lease.id).sort();
  const agreed = () => nodes.every(({ lease }) => `${[...lease.live].sort()}` === `${ids()}`);
  await expect.poll(agreed, patiently).toBe(true);
}

/** Whoever Redis knows: in order of the ends of their leases. */
export async function inRedis({ redis }: Node, prefix: string): Promise<string[]> {
  const deadlineMs = performance.now() + patiently.timeout;
  for (;;) {
    try {
      return (await redis.command('ZRANGE', `${prefix}{.nodes}:leases`, 0, -1)) as string[];
    } catch (error) {
      if (performance.now() > deadlineMs) throw error; // else the machine is busy
    }
  }
}

/** Waits until it is so long after the end of a lease, by the clock of Redis, which is also this one. */
export async function untilOver(leaseEnd: number, forMs = 0): Promise<void> {
  while (Date.now() <= leaseEnd + forMs) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Waits until a node has had so many more beats answered. */
export async function beats({ lease }: Node, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const before = lease.until;
    await expect.poll(() => lease.until, { ...patiently, interval: 5 }).not.toBe(before);
  }
}
