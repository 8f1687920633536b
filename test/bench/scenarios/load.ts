import type { ClusterUnderTest } from '../cluster.ts';
import type { ServerUnderTest } from '../contestant.ts';
import type { Crowd } from '../load/crowd.ts';
import type { Ledger } from '../load/ledger.ts';
import { pace, schedule } from '../load/pace.ts';
import { percentile } from '../statistics.ts';
import type { Measure, Timing } from './scenario.ts';

/** A load of messages. */
export interface Load {
  /** Sends one message, and says to how many it goes. */
  readonly send: (index: number) => number;
  /** All messages together. */
  readonly perSecond: number;
  readonly timing: Timing;
  /** How long the servers go on with what no delivery waits for, such as telling other nodes; 0 where nothing does. */
  readonly settleMs?: number;
}

/**
 * Sends a load once to warm up, and then whenever it is to be measured; each time to its last delivery, so that the
 * CPU time between two readings belongs to the deliveries that are counted, and to nothing else.
 */
export async function stageLoad(
  server: ServerUnderTest | ClusterUnderTest,
  crowd: Crowd,
  ledger: Ledger,
  { send, perSecond, timing, settleMs = 0 }: Load,
): Promise<Measure> {
  let runs = 0;
  let due = ledger.delivered;
  const run = async (seconds: number) => {
    runs += 1;
    const dueMs = schedule(Math.ceil(seconds * perSecond), perSecond, runs);
    const startedAt = performance.now();
    const sendOne = (index: number) => {
      due += send(index);
    };
    const lateMs = await pace(dueMs, sendOne, () => crowd.check());
    await crowd.until(() => ledger.delivered >= due, 'the last deliveries');
    const tookMs = performance.now() - startedAt;
    if (settleMs > 0) await crowd.rest(settleMs);
    return { lateMs, tookMs, plannedMs: dueMs.at(-1) ?? 0 };
  };

  await run(timing.warmUpSeconds);
  return async () => {
    ledger.latencies = [];
    const deliveredBefore = ledger.delivered;
    const before = await server.ask('usage');
    const { lateMs, tookMs, plannedMs } = await run(timing.seconds);
    const after = await server.ask('usage');
    const deliveries = ledger.delivered - deliveredBefore;
    return {
      cpuPerDelivery: (after.cpuMicros - before.cpuMicros) / deliveries,
      p50Ms: percentile(ledger.latencies, 50),
      p99Ms: percentile(ledger.latencies, 99),
      peakMb: after.peakRssBytes / 1e6,
      keptUpPercent: (plannedMs / tookMs) * 100,
      generatorLateMs: lateMs,
      waitedPercent: ((after.waitedMs - before.waitedMs) / (tookMs + settleMs)) * 100,
    };
  };
}
