import type { Commands } from '../command-counts.ts';

/** How a metric is shown. */
interface Shown {
  readonly label: string;
  /** How many say something. */
  readonly digits: number;
  /** Not shown where no median is higher. */
  readonly above?: number;
}

/** What is measured. */
export const metrics = {
  cpuPerDelivery: { label: 'CPU µs per delivery', digits: 2 },
  cpuPerJoin: { label: 'CPU µs per join', digits: 0 },
  redisCpuPerUnit: { label: 'CPU of Redis, µs per message or join', digits: 1 },
  p50Ms: { label: 'latency p50, ms', digits: 2 },
  p99Ms: { label: 'latency p99, ms', digits: 2 },
  /** Of what was to be sent in a second, how much was delivered in a second. */
  keptUpPercent: { label: 'kept up with the load, %', digits: 0 },
  joinsPerSecond: { label: 'joins a second', digits: 0 },
  /** Of nodes only: a script is one, whatever it runs. */
  redisCalls: { label: 'Redis commands per message or join', digits: 2 },
  redisInScripts: { label: 'and inside of scripts', digits: 2 },
  redisPublishes: { label: 'publishes per message or join', digits: 2 },
  /** What is written at one go is one; of joins, those of one that joins alone. */
  redisTrips: { label: 'Redis round trips per message or join', digits: 2 },
  redisCommandsAtOnce: { label: 'all Redis commands of a join, many at once', digits: 1 },
  redisIdlePerSecond: { label: 'Redis commands a second, idle', digits: 1 },
  kbPerConnection: { label: 'memory per connection, KB', digits: 1 },
  ownKbPerConnection: { label: 'of it heap and buffers, KB', digits: 1 },
  frames: { label: 'frames to all clients', digits: 0 },
  framesPerJoin: { label: 'frames per join', digits: 1 },
  mbReceived: { label: 'MB to all clients', digits: 0 },
  fullRosterMs: { label: 'all know all after, ms', digits: 0 },
  listMs: { label: 'time of the answer, ms', digits: 0 },
  listMb: { label: 'its size, MB', digits: 1 },
  stallMs: { label: 'longest stall of the event loop, ms', digits: 1 },
  peakMb: { label: 'peak memory, MB', digits: 0 },
  /** 99th percentile. Beyond a few milliseconds the generator itself shows in the latencies. */
  generatorLateMs: { label: 'sent too late, p99, ms', digits: 1, above: 5 },
  /** How long the server was ready to run and did not, since others ran on its core. */
  waitedPercent: { label: 'waited for the core, %', digits: 0, above: 5 },
} as const satisfies Readonly<Record<string, Shown>>;

export type Metric = keyof typeof metrics;

/** All metrics, in the order in which they are shown. */
export const shown: readonly (readonly [Metric, Shown])[] = Object.entries(metrics) as [Metric, Shown][];

/** What one run has measured. */
export interface Metrics extends Readonly<Partial<Record<Metric, number>>> {
  /** What Redis ran for each message or join, by name. */
  readonly commands?: Commands;
}

/** Measures a server whose clients are ready; each call is one more sample. */
export type Measure = () => Promise<Metrics>;

/** How long a load lasts. */
export interface Timing {
  /** Until the server's code is compiled. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** The same with many nodes. */
export interface ClusterTiming extends Timing {
  /** How long it is watched what Redis is asked when nobody says anything: longer than a lease takes to be renewed. */
  readonly idleSeconds: number;
  /** How long the first messages may take to all nodes. */
  readonly patienceSeconds: number;
}
