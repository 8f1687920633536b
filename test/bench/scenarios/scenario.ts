/** What is measured: how the table calls it, and how many digits say something. */
export const metrics = {
  cpuPerDelivery: { label: 'CPU µs per delivery', digits: 2 },
  cpuPerJoin: { label: 'CPU µs per join', digits: 0 },
  p50Ms: { label: 'latency p50, ms', digits: 2 },
  p99Ms: { label: 'latency p99, ms', digits: 2 },
  peakMb: { label: 'peak memory, MB', digits: 0 },
  deliveriesPerSecond: { label: 'deliveries a second', digits: 0 },
  keptUpPercent: { label: 'kept up with the load, %', digits: 0 },
  kbPerConnection: { label: 'memory per connection, KB', digits: 1 },
  ownKbPerConnection: { label: 'of it heap and buffers, KB', digits: 1 },
  frames: { label: 'frames to all clients', digits: 0 },
  framesPerJoin: { label: 'frames per join', digits: 1 },
  mbReceived: { label: 'MB to all clients', digits: 0 },
  fullRosterMs: { label: 'all know all after, ms', digits: 0 },
  joinsPerSecond: { label: 'joins a second', digits: 0 },
  listMs: { label: 'time of the answer, ms', digits: 0 },
  listMb: { label: 'its size, MB', digits: 1 },
  stallMs: { label: 'longest stall of the event loop, ms', digits: 1 },
  /** 99th percentile: beyond a few milliseconds it is the generator that is measured. */
  generatorLateMs: { label: 'sent too late, p99, ms', digits: 1 },
  /** Beyond a few percent the machine had other things to do. */
  waitedPercent: { label: 'waited for the core, %', digits: 0 },
} as const;

export type Metric = keyof typeof metrics;

/** What one run has measured. */
export type Metrics = Readonly<Partial<Record<Metric, number>>>;

/** How long a load lasts. */
export interface Timing {
  /** Until the server's code is compiled. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}
