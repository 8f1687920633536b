import type { ClusterUnderTest } from '../cluster.ts';
import { sumOf } from '../command-counts.ts';
import { Crowd, refuseError } from '../load/crowd.ts';
import type { Seat } from '../load/dialects.ts';
import { countsOf } from './cluster-load.ts';
import { seatsIn } from './rooms.ts';
import type { ClusterTiming, Measure } from './scenario.ts';

const warmUpRoomSize = 10;
/** Who comes first to a node makes it follow the room, once. */
const firstOnEachNode = 2;
/** Each is alone when it joins, so that no other's commands travel with its own. */
const countedJoins = 40;
const apartMs = 25;
/** Longer than the server gathers who comes and goes. */
const settleMs = 400;

/** How many join at once, and how often that is measured. */
export interface ClusterJoinsLoad {
  readonly perSample: number;
  readonly samples: number;
  /** Until the servers' code is compiled, in rooms of their own. */
  readonly warmUp: number;
}

/**
 * CPU time of a join of all processes, and what Redis is asked: all into one room, from all nodes by turns, where each
 * is told who is there, and all are told of each.
 */
export async function stageClusterJoins(
  cluster: ClusterUnderTest,
  { perSample, samples, warmUp }: ClusterJoinsLoad,
  { idleSeconds }: Pick<ClusterTiming, 'idleSeconds'>,
): Promise<Measure> {
  let welcomes = 0;
  let rosterTotal = 0;
  const portOf = cluster.portOf.bind(cluster);
  const crowd = new Crowd(portOf, cluster.dialect, (_client, bytes, start, end) => {
    const head = bytes.toString('latin1', start, Math.min(end, start + 40));
    if (!head.includes('"session.welcome"')) return refuseError(bytes, start, end);
    const [, total] = /"rosterTotal":(\d+)/.exec(bytes.toString('latin1', start, end)) ?? [];
    welcomes += 1;
    rosterTotal = Number(total);
  });
  const join = async (newcomers: readonly Seat[]) => {
    await crowd.join(newcomers);
    await crowd.until(() => welcomes === crowd.clients.length, 'the last welcomes');
  };

  const inOneRoom = firstOnEachNode * cluster.size + countedJoins + perSample * samples;
  const seats = await seatsOf(cluster.size, warmUp, inOneRoom);
  await join(seats.splice(0, warmUp));
  for (const seat of seats.splice(0, firstOnEachNode * cluster.size)) await join([seat]);
  await crowd.rest(settleMs);
  const idle = await cluster.redis.counted(() => crowd.rest(idleSeconds * 1000));
  const busy = await cluster.redis.counted(async () => {
    for (const seat of seats.splice(0, countedJoins)) {
      await join([seat]);
      await crowd.rest(apartMs);
      const members = crowd.clients.length - warmUp;
      if (rosterTotal !== members) {
        throw new Error(
          `the nodes do not hear each other: who came was told of ${rosterTotal} of ${members}`,
        );
      }
    }
    await crowd.rest(settleMs);
  });
  const counts = countsOf(busy, idle, countedJoins);

  return async () => {
    const newcomers = seats.splice(0, perSample);
    const commandsBefore = sumOf(await cluster.redis.commandsRun());
    const redisBefore = await cluster.redis.cpuMicros();
    const before = await cluster.ask('usage');
    const startedAt = performance.now();
    await join(newcomers);
    const tookMs = performance.now() - startedAt;
    await crowd.rest(settleMs);
    const after = await cluster.ask('usage');
    const redisAfter = await cluster.redis.cpuMicros();
    const commands = sumOf(await cluster.redis.commandsRun()) - commandsBefore;
    const idleCommands = ((counts.redisIdlePerSecond ?? 0) * (tookMs + settleMs)) / 1000;
    return {
      cpuPerJoin: (after.cpuMicros - before.cpuMicros) / perSample,
      redisCpuPerUnit: (redisAfter - redisBefore) / perSample,
      joinsPerSecond: perSample / (tookMs / 1000),
      waitedPercent: ((after.waitedMs - before.waitedMs) / (tookMs + settleMs)) * 100,
      peakMb: after.peakRssBytes / 1e6,
      redisCommandsAtOnce: (commands - idleCommands) / perSample,
      ...counts,
    };
  };
}

/** Those of the warm-up first, and then all of one room. */
async function seatsOf(nodes: number, warmUp: number, joins: number): Promise<Seat[]> {
  const seats = await seatsIn(warmUp + joins, 1);
  return seats.map((seat, index) => {
    const room = index < warmUp ? `warm-up-${Math.floor(index / warmUpRoomSize)}` : 'bench-all';
    return { ...seat, room, node: index % nodes };
  });
}
