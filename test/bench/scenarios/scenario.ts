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
  p50Ms: { label: 'latency p50, ms', digits: 2 },
  p99Ms: { label: 'latency p99, ms', digits: 2 },
  /** Of what was to be sent in a second, how much was delivered in a second. */
  keptUpPercent: { label: 'kept up with the load, %', digits: 0 },
  joinsPerSecond: { label: 'joins a second', digits: 0 },
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
export type Metrics = Readonly<Partial<Record<Metric, number>>>;

/** Measures a server whose clients are ready; each call is one more sample. */
export type Measure = () => Promise<Metrics>;

/** How long a load lasts. */
export interface Timing {
  /** Until the server's code is compiled. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}
