import type { ClusterUnderTest } from '../cluster.ts';
import { named, publishesIn, type RedisWork, sumOf, workPerUnit } from '../command-counts.ts';
import { Crowd, refuseError } from '../load/crowd.ts';
import { Ledger } from '../load/ledger.ts';
import { type Load, stageLoad } from './load.ts';
import { filler, type RoomsLoad, seatsIn } from './rooms.ts';
import type { ClusterTiming, Measure, Metrics } from './scenario.ts';
import { type PairsLoad, signalSender } from './signaling.ts';

/** Where the members of a room are, seen from its first, who is the one that sends. */
export type Placement = 'local' | 'remote' | 'half';

/** Until each node knows of the members on the others. */
const settleMs = 500;
/** After the last delivery: where that was local, other nodes may still be told. */
const afterwardsMs = 200;

/** Numbers the node of a member: the first members of the rooms are on all nodes by turns. */
export function nodeOf(placement: Placement, room: number, member: number, nodes: number): number {
  const home = room % nodes;
  const away = (turn: number) => (home + 1 + (turn % (nodes - 1))) % nodes;
  if (placement === 'local' || member === 0) return home;
  if (placement === 'remote') return away(member - 1);
  return member % 2 === 0 ? home : away((member - 1) / 2);
}

/** CPU time per delivery of all processes, and what Redis is asked, where one member of each room speaks to all. */
export async function stageClusterRooms(
  cluster: ClusterUnderTest,
  { rooms, size, messagesPerSecond, placement }: RoomsLoad & { readonly placement: Placement },
  timing: ClusterTiming,
): Promise<Measure> {
  // What is local arrives either way, and says nothing of the others.
  if (placement === 'local' && (await cluster.redis.connections()) < cluster.size) {
    throw new Error('not every node is connected to Redis');
  }
  const ledger = new Ledger(rooms, size, 1);
  const crowd = crowdOf(cluster, ledger);
  const seats = await seatsIn(rooms, size);
  await crowd.join(
    seats.map((seat, index) => {
      const room = Math.floor(index / size);
      return { ...seat, node: nodeOf(placement, room, index % size, cluster.size) };
    }),
  );
  const send = (index: number) => {
    const room = index % rooms;
    crowd.clients[room * size]?.send(cluster.dialect.chat(ledger.mark(room, 0) + filler));
    return size;
  };
  return stage(cluster, crowd, ledger, { send, perSecond: rooms * messagesPerSecond, timing }, rooms);
}

/** The same where each message goes to one peer, on another node. */
export async function stageClusterSignaling(
  cluster: ClusterUnderTest,
  { pairs, exchangesPerSecond }: PairsLoad,
  timing: ClusterTiming,
): Promise<Measure> {
  const ledger = new Ledger(pairs, 2, 2);
  const crowd = crowdOf(cluster, ledger);
  const seats = await seatsIn(pairs, 2);
  await crowd.join(
    seats.map((seat, index) => {
      return { ...seat, node: nodeOf('remote', Math.floor(index / 2), index % 2, cluster.size) };
    }),
  );
  const { send, stepsOfExchange } = signalSender(crowd, ledger, cluster.dialect, pairs);
  const perSecond = pairs * exchangesPerSecond * stepsOfExchange;
  return stage(cluster, crowd, ledger, { send, perSecond, timing }, pairs * 2);
}

function crowdOf(cluster: ClusterUnderTest, ledger: Ledger): Crowd {
  const portOf = cluster.portOf.bind(cluster);
  return new Crowd(portOf, cluster.dialect, ({ seat }, bytes, start, end) => {
    if (!ledger.take(seat.index, bytes, start, end)) refuseError(bytes, start, end);
  });
}

/** @param greetings how many messages make everybody hear from another */
async function stage(
  cluster: ClusterUnderTest,
  crowd: Crowd,
  ledger: Ledger,
  given: Load & { readonly timing: ClusterTiming },
  greetings: number,
): Promise<Measure> {
  const load = { ...given, settleMs: afterwardsMs };
  await crowd.rest(settleMs);
  await greet(crowd, ledger, load, greetings);
  const measure = await stageLoad(cluster, crowd, ledger, load);
  const messages = Math.ceil(load.timing.seconds * load.perSecond);
  const idle = await cluster.redis.counted(() => crowd.rest(load.timing.idleSeconds * 1000));
  const counts = countsOf(await cluster.redis.counted(measure), idle, messages);

  return async () => {
    const before = await cluster.redis.cpuMicros();
    const metrics = await measure();
    const redisMicros = (await cluster.redis.cpuMicros()) - before;
    return { ...metrics, redisCpuPerUnit: redisMicros / messages, ...counts };
  };
}

/** Fails where the nodes do not hear each other, rather than measure what only some get. */
async function greet(
  crowd: Crowd,
  ledger: Ledger,
  { send, timing }: Load & { readonly timing: ClusterTiming },
  greetings: number,
): Promise<void> {
  const deadline = performance.now() + timing.patienceSeconds * 1000;
  let due = 0;
  for (let index = 0; index < greetings; index++) due += send(index);
  await crowd.until(() => ledger.delivered >= due || performance.now() > deadline, 'the first messages');
  if (ledger.delivered >= due) return;
  throw new Error(
    `the nodes do not hear each other: ${ledger.delivered} of the first ${due} deliveries came`,
  );
}

/** What Redis was asked for each message or join. */
export function countsOf(busy: RedisWork, idle: RedisWork, units: number): Metrics {
  const work = workPerUnit(busy, idle, units);
  return {
    redisCalls: sumOf(work.calls),
    redisInScripts: sumOf(work.inScripts),
    redisPublishes: publishesIn(work),
    redisTrips: work.trips,
    redisIdlePerSecond: (sumOf(idle.calls) + sumOf(idle.inScripts)) / (idle.tookMs / 1000),
    commands: named(work),
  };
}
