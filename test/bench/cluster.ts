import { type ClusterContestant, ServerUnderTest, type StartOptions } from './contestant.ts';
import type { Dialect, Seat } from './load/dialects.ts';
import { serverCoreBusyMs } from './pinning.ts';
import { RedisUnderTest } from './redis.ts';
import type { Question, Usage } from './servers/reporting.ts';

/** Nodes of one contestant, and one Redis between them; all on the same core. */
export class ClusterUnderTest {
  readonly redis: RedisUnderTest;
  readonly dialect: Dialect;
  readonly #nodes: readonly ServerUnderTest[];

  private constructor(nodes: readonly ServerUnderTest[], dialect: Dialect, redis: RedisUnderTest) {
    this.#nodes = nodes;
    this.dialect = dialect;
    this.redis = redis;
  }

  /** Resolves when all nodes listen. */
  static async start(
    name: ClusterContestant,
    count: number,
    { settings, profileInto }: StartOptions = {},
  ): Promise<ClusterUnderTest> {
    const redis = await RedisUnderTest.start();
    const nodes: ServerUnderTest[] = [];
    try {
      const own = { REDIS_URL: redis.url, ...settings };
      // One after the other: on one core it takes no longer, and whoever fails leaves none behind that still starts.
      for (let index = 0; index < count; index++) {
        nodes.push(await ServerUnderTest.start(name, { settings: own, profileInto }));
      }
      const [{ dialect }] = nodes as [ServerUnderTest];
      return new ClusterUnderTest(nodes, dialect, redis);
    } catch (error) {
      await stopAll(nodes, redis);
      throw error;
    }
  }

  get size(): number {
    return this.#nodes.length;
  }

  /** Where a client connects. */
  portOf({ node = 0 }: Seat): number {
    const found = this.#nodes[node];
    if (found === undefined) throw new RangeError(`there is no node ${node}`);
    return found.port;
  }

  /**
   * What all use together: CPU time of the nodes and of Redis, memory of the nodes; the longest stall of any. Having
   * one core they wait for each other, so that `waitedMs` is how long others used that core.
   */
  async ask(question: Exclude<Question, 'stop'>): Promise<Usage> {
    const [cpuMicros, usages] = await Promise.all([
      this.redis.cpuMicros(),
      Promise.all(this.#nodes.map((node) => node.ask(question))),
    ]);
    const busyMs = serverCoreBusyMs();
    const sum = (of: (usage: Usage) => number) => usages.reduce((total, usage) => total + of(usage), 0);
    const allMicros = cpuMicros + sum((usage) => usage.cpuMicros);
    return {
      cpuMicros: allMicros,
      waitedMs: busyMs > 0 ? busyMs - allMicros / 1000 : 0,
      rssBytes: sum((usage) => usage.rssBytes),
      heapBytes: sum((usage) => usage.heapBytes),
      externalBytes: sum((usage) => usage.externalBytes),
      peakRssBytes: sum((usage) => usage.peakRssBytes),
      longestStallMs: Math.max(...usages.map((usage) => usage.longestStallMs)),
    };
  }

  /** Resolves when all processes have ended. */
  stop(): Promise<void> {
    return stopAll(this.#nodes, this.redis);
  }
}

async function stopAll(nodes: readonly ServerUnderTest[], redis: RedisUnderTest): Promise<void> {
  await Promise.all(nodes.map((node) => node.stop()));
  await redis.stop();
}
