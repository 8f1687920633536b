import { beforeEach, expect, test } from 'vitest';
import type { Redis } from '../../src/cluster/redis.ts';
import type { NodeMessage } from '../../src/rooms/broker.ts';
import { connectTo, patientMs, type RedisServer, startClusterServers } from '../support/redis.ts';
import { atScopeEnd } from '../support/scope.ts';
import { type BrokerNode, briefly, startNode } from './broker-rig.ts';

/** So many that each machine of Redis has some. */
const rooms = Array.from({ length: 30 }, (_, n) => ({ roomId: `r${n}`, channel: 'chat' }) as const);
const announcement: NodeMessage = { kind: 'announce', frame: { text: '{}', volatile: false } };
const patiently = { timeout: 15_000, interval: 20 };
let servers: RedisServer[];
let one: BrokerNode;
let two: BrokerNode;

beforeEach(async () => {
  servers = await startClusterServers(3);
  const urls = servers.map(({ url }) => url);
  const start = () => startNode(urls, 'test:', { windows: briefly });
  [one, two] = [await start(), await start()];
  for (const room of rooms) await two.broker.follow(room);
});

async function eachArrives(): Promise<void> {
  const before = two.received.length;
  for (const room of rooms) one.broker.publish(room, announcement);
  await expect.poll(() => two.received.length - before, patiently).toBe(rooms.length);
  const heard = new Set(two.received.slice(before).map(({ place }) => place.roomId));
  expect(heard.size).toBe(rooms.length);
}

const probesOf = async (redis: Redis) => redis.command('PUBSUB', 'SHARDCHANNELS', 'test:*:probe:*');

test('every machine is probed: one of them that hangs is noticed, and made good', async () => {
  await eachArrives();
  for (const server of servers) expect(await probesOf(await connectTo(server, patientMs))).toHaveLength(2);
  const [, second] = servers;
  if (second === undefined) throw new Error('no second');
  process.kill(second.pid, 'SIGSTOP');
  atScopeEnd(() => process.kill(second.pid, 'SIGCONT'));
  for (const { subscriptions } of [one, two]) {
    await expect.poll(() => subscriptions.delivering, patiently).toBe(false);
  }
  process.kill(second.pid, 'SIGCONT');
  for (const { subscriptions } of [one, two]) {
    await expect.poll(() => subscriptions.delivering, patiently).toBe(true);
  }
  expect(two.gaps.count).toBeGreaterThan(0);
  await eachArrives();
}, 40_000);

test('a slot moves to another machine: what may have been missed is told of, and its room is heard again', async () => {
  const nodes = await Promise.all(servers.map((server) => connectTo(server, patientMs)));
  const ids = await Promise.all(nodes.map((node) => node.command('CLUSTER', 'MYID')));
  const slot = Number(await nodes[0]?.command('CLUSTER', 'KEYSLOT', 'r7'));
  const owner = Math.floor((slot * 3) / 16_384);
  const [from, to, id] = [nodes[owner], nodes[(owner + 1) % 3], String(ids[(owner + 1) % 3])];
  await to?.command('CLUSTER', 'SETSLOT', slot, 'NODE', id);
  await from?.command('CLUSTER', 'SETSLOT', slot, 'NODE', id);
  await expect.poll(() => two.gaps.count, patiently).toBeGreaterThan(0);
  await expect.poll(() => two.subscriptions.delivering, patiently).toBe(true);
  const moved = { roomId: 'r7', channel: 'chat' } as const;
  await expect
    .poll(() => {
      one.broker.publish(moved, announcement);
      return two.received.length;
    }, patiently)
    .toBeGreaterThan(0);
  await two.settled(moved, one.broker);
  await eachArrives();
}, 40_000);
