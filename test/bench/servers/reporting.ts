import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What a server under test says of itself. */
export interface Usage {
  /** User and system time of the whole process since it began: garbage collection and compilation too. */
  readonly cpuMicros: number;
  /** How long the main thread had to wait for its core, since others ran there; 0 where only Linux would know. */
  readonly waitedMs: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Memory outside of the heap that belongs to JavaScript objects, such as buffers. */
  readonly externalBytes: number;
  readonly peakRssBytes: number;
  /** The longest time that the event loop was held up since `watch` was asked for; 0 before. */
  readonly longestStallMs: number;
}

/**
 * What a server under test is asked: what it uses, the same after a garbage collection, to watch for stalls from now
 * on, and to stop.
 */
export type Question = 'usage' | 'collect' | 'watch' | 'stop';

/** The first message of a server under test. */
export interface Ready {
  readonly port: number;
}

const resolutionMs = 1;
let stalls: ReturnType<typeof monitorEventLoopDelay> | undefined;

/** Says that the server listens, and answers questions from then on. Ends with the process that asks. */
export function answerQuestions(port: number): void {
  process.on('message', (question: Question) => {
    // By exit and not by a signal: it writes the CPU profile, if there is to be one.
    if (question === 'stop') process.exit();
    if (question === 'collect') globalThis.gc?.();
    if (question === 'watch') watch();
    process.send?.(usage());
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ port } satisfies Ready);
}

function watch(): void {
  stalls?.disable();
  stalls = monitorEventLoopDelay({ resolution: resolutionMs });
  stalls.enable();
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    cpuMicros: user + system,
    waitedMs: waitedMs(),
    rssBytes: rss,
    heapBytes: heapUsed,
    externalBytes: external,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    // The histogram holds the time between two ticks of its own timer, of which one interval is no stall.
    longestStallMs: stalls && stalls.count > 0 ? Math.max(0, stalls.max / 1e6 - resolutionMs) : 0,
  };
}

function waitedMs(): number {
  if (process.platform !== 'linux') return 0;
  const [, waitedNanos] = readFileSync('/proc/self/schedstat', 'utf8').split(' ');
  return Number(waitedNanos) / 1e6;
}
