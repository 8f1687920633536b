import type { ProxyMode } from '../support/proxy.ts';
import type { Fault } from './ordeal.ts';
import type { Stage } from './stage.ts';

/** Longer than a heartbeat's patience, and shorter than a lease. */
const noticedMs = 2_000;
/** Longer than any client of these would wait. */
const everMs = 60_000;

const last = ({ servers }: Stage) => servers.at(-1) ?? servers[0];

function betweenRedis(name: string, mode: ProxyMode, more: Partial<Fault> = {}): Fault {
  const set = ({ redisNetworks }: Stage, next: ProxyMode) =>
    Promise.all(redisNetworks.map((network) => network.set(next)));
  return {
    name,
    holdMs: noticedMs,
    silenceMs: everMs,
    ...more,
    begin: (stage) => set(stage, mode),
    end: (stage) => set(stage, { kind: 'pass' }),
  };
}

/** What may befall two nodes that share a Redis. */
export const faultsPair: readonly Fault[] = [
  {
    name: 'the network of some is cut, and they come by the other node',
    excuses: { closes: true, freshStarts: true },
    holdMs: noticedMs,
    begin: ({ network }) => network.set({ kind: 'refuse' }),
    end: ({ network }) => network.set({ kind: 'pass' }),
  },
  {
    name: 'a node is killed and started again',
    excuses: { closes: true, freshStarts: true, lossBetweenNodes: true },
    holdMs: noticedMs,
    begin: (stage) => last(stage).end('SIGKILL'),
    end: (stage) => last(stage).restart(),
  },
  {
    name: 'a node is stopped and started again',
    excuses: { closes: true, freshStarts: true },
    holdMs: 0,
    begin: (stage) => last(stage).end('SIGTERM'),
    end: (stage) => last(stage).restart(),
  },
  {
    name: 'a node is frozen for less than its lease',
    holdMs: noticedMs,
    silenceMs: everMs,
    begin: (stage) => last(stage).signal('SIGSTOP'),
    end: (stage) => last(stage).signal('SIGCONT'),
  },
  ...[5, -5].map((minutes) => ({
    name: `the clock of a node jumps by ${minutes} minutes`,
    holdMs: 1_500,
    silenceMs: everMs,
    begin: (stage: Stage) => last(stage).order({ act: 'shift', shiftMs: minutes * 60_000 }),
    end: (stage: Stage) => last(stage).order({ act: 'shift', shiftMs: 0 }),
  })),
  betweenRedis('Redis is slow', { kind: 'latency', latencyMs: 20 }),
  betweenRedis('Redis comes byte by byte', { kind: 'split' }, { paceMs: 60 }),
  betweenRedis('Redis hangs', { kind: 'stall' }, { excuses: { lossBetweenNodes: true } }),
  betweenRedis('Redis is cut off', { kind: 'refuse' }, { excuses: { lossBetweenNodes: true } }),
  {
    name: 'Redis is killed and started again, empty',
    excuses: { lossBetweenNodes: true, forgetting: true },
    holdMs: 0,
    silenceMs: everMs,
    begin: (stage) => stage.restartRedis(),
    end() {},
  },
];

/** What takes too long for the short version. */
export const longFaultsPair: readonly Fault[] = [
  {
    name: 'a node is frozen for longer than its lease',
    excuses: { closes: true, freshStarts: true, lossBetweenNodes: true },
    holdMs: 15_000,
    begin: (stage) => last(stage).signal('SIGSTOP'),
    end: (stage) => last(stage).signal('SIGCONT'),
  },
  betweenRedis(
    'Redis is away for longer than a lease',
    { kind: 'refuse' },
    {
      excuses: { lossBetweenNodes: true },
      holdMs: 12_000,
    },
  ),
];
