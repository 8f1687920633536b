import { createClient } from 'redis';
import { expect, test, vi } from 'vitest';
import { ClusterUnderTest } from './cluster.ts';
import { type ClusterContestant, clusterContestants } from './contestant.ts';
import { RedisUnderTest } from './redis.ts';
import { stageClusterJoins } from './scenarios/cluster-joins.ts';
import { nodeOf, stageClusterRooms, stageClusterSignaling } from './scenarios/cluster-load.ts';

// Each starts a Redis and two servers, next to all the other tests.
vi.setConfig({ testTimeout: 60_000 });
const timing = { warmUpSeconds: 0.1, seconds: 0.2, idleSeconds: 0.2, patienceSeconds: 0.5 };
const load = { rooms: 2, size: 4, messagesPerSecond: 100, placement: 'remote' } as const;
const others = clusterContestants.filter((name) => name !== 'signalbox');

async function withCluster(
  name: ClusterContestant,
  settings: Readonly<Record<string, string>>,
  use: (cluster: ClusterUnderTest) => Promise<void>,
): Promise<void> {
  const cluster = await ClusterUnderTest.start(name, 2, { settings });
  try {
    await use(cluster);
  } finally {
    await cluster.stop();
  }
}

test.each(others)('two nodes of %s hear each other, and it is known what that cost', async (name) => {
  await withCluster(name, {}, async (cluster) => {
    const chat = await (await stageClusterRooms(cluster, load, timing))();
    expect(chat.cpuPerDelivery).toBeGreaterThan(0);
    expect(chat.redisCpuPerUnit).toBeGreaterThan(0);
    expect(chat.commands).toMatchObject(name === 'socket.io' ? { publish: 1 } : { xadd: 1 });
    const signals = await stageClusterSignaling(cluster, { pairs: 3, exchangesPerSecond: 10 }, timing);
    expect((await signals()).p99Ms).toBeGreaterThan(0);
  });
});

test('joins are counted one by one', async () => {
  await withCluster('socket.io', { ANNOUNCE: 'true' }, async (cluster) => {
    const measure = await stageClusterJoins(cluster, { perSample: 4, samples: 1, warmUp: 2 }, timing);
    const { cpuPerJoin, commands } = await measure();
    expect(cpuPerJoin).toBeGreaterThan(0);
    // A question to the other node, its answer, and the news.
    expect(commands).toMatchObject({ publish: 3 });
  });
});

test('nodes that do not hear each other are no cluster', async () => {
  await withCluster('signalbox', { REDIS_URL: '' }, async (cluster) => {
    await expect(stageClusterRooms(cluster, load, timing)).rejects.toThrow('do not hear each other: 2 of');
    const local = stageClusterRooms(cluster, { ...load, placement: 'local' }, timing);
    await expect(local).rejects.toThrow('not every node is connected');
    const joins = stageClusterJoins(cluster, { perSample: 4, samples: 1, warmUp: 2 }, timing);
    await expect(joins).rejects.toThrow('do not hear each other');
  });
});

test('what scripts run is told from what nodes send', async () => {
  const redis = await RedisUnderTest.start();
  const client = createClient({ url: redis.url });
  try {
    await client.connect();
    const script = "redis.call('HSET', KEYS[1], 'a', '1') return redis.call('PUBLISH', 'c', 'd')";
    const work = await redis.counted(async () => {
      await client.publish('c', 'd');
      await client.eval(script, { keys: ['k'] });
      await Promise.all([client.hGet('k', 'a'), client.hGet('k', 'a')]);
    });
    expect(work).toMatchObject({
      calls: { publish: 1, eval: 1, hget: 2 },
      inScripts: { hset: 1, publish: 1 },
      trips: 3,
    });
    expect(await redis.cpuMicros()).toBeGreaterThan(0);
  } finally {
    client.destroy();
    await redis.stop();
  }
});

test('members are placed where the scenario wants them', () => {
  const nodesOf = (...[placement, room, nodes]: [Parameters<typeof nodeOf>[0], number, number]) =>
    Array.from({ length: 8 }, (_, member) => nodeOf(placement, room, member, nodes));
  expect(nodesOf('local', 4, 3)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  expect(nodesOf('remote', 0, 2)).toEqual([0, 1, 1, 1, 1, 1, 1, 1]);
  expect(nodesOf('remote', 1, 3)).toEqual([1, 2, 0, 2, 0, 2, 0, 2]);
  expect(nodesOf('half', 1, 2)).toEqual([1, 0, 1, 0, 1, 0, 1, 0]);
  expect(nodesOf('half', 0, 3)).toEqual([0, 1, 0, 2, 0, 1, 0, 2]);
});
