import { expect, test } from 'vitest';
import type { LeaseTimes } from '../../src/cluster/lease.ts';
import { startRedis } from '../support/redis.ts';
import {
  beats,
  inRedis,
  type Node,
  patiently,
  shortTimes,
  startNodes,
  untilAlone,
  untilOver,
} from './lease-rig.ts';

const idsOf = (nodes: readonly Node[]) => nodes.map(({ lease }) => lease.id);
const latestEnd = (nodes: readonly Node[]) => Math.max(...nodes.map(({ lease }) => lease.until));

async function untilSettled(nodes: readonly Node[]): Promise<void> {
  await expect.poll(() => nodes.every(({ lease }) => lease.settled), patiently).toBe(true);
  await Promise.all(nodes.map((node) => beats(node, 3)));
}

test('a Redis that hangs for some leases: nobody is swept, and all have their ids', async () => {
  const server = await startRedis();
  const nodes = await startNodes(server, 3, 'test:');
  const ids = idsOf(nodes);
  process.kill(server.pid, 'SIGSTOP');
  await untilOver(latestEnd(nodes), 2 * shortTimes.leaseMs);
  for (const { lease, outages } of nodes) {
    expect(outages.at(-1)).toBe('gone');
    expect(lease).toMatchObject({ held: false, healthy: false, settled: false });
  }
  process.kill(server.pid, 'SIGCONT');
  await untilAlone(nodes);
  await untilSettled(nodes);
  for (const { told, outages } of nodes) expect([told, outages.at(-1)]).toEqual([[], 'recovered']);
  expect(idsOf(nodes)).toEqual(ids);
});

test('a Redis that hangs while a node dies: the others sweep it, and not each other', async () => {
  const server = await startRedis();
  const [anna, ...others] = await startNodes(server, 3, 'test:');
  const ids = idsOf(others);
  process.kill(server.pid, 'SIGSTOP');
  anna?.freeze();
  await untilOver(latestEnd(others), shortTimes.leaseMs);
  process.kill(server.pid, 'SIGCONT');
  await expect.poll(() => others.flatMap(({ dead }) => dead), patiently).toEqual([anna?.lease.id]);
  await untilAlone(others);
  await untilSettled(others);
  expect(idsOf(others)).toEqual(ids);
  expect(others.flatMap(({ dead }) => dead).length).toBe(1);
});

test('a Redis that was killed and comes back empty: nobody is swept, all have their ids, and write again', async () => {
  // Connections come back within a second, and a lease is longer than that.
  const times: LeaseTimes = { leaseMs: 2_000, beatMs: 100 };
  const server = await startRedis();
  const nodes = await startNodes(server, 3, 'test:', times);
  const ids = idsOf(nodes);
  await server.kill();
  await untilOver(latestEnd(nodes), times.leaseMs / 2);
  await startRedis(server.port);
  await untilAlone(nodes);
  await untilSettled(nodes);
  for (const { told, outages } of nodes) expect([told, outages.at(-1)]).toEqual([['emptied'], 'recovered']);
  expect(idsOf(nodes)).toEqual(ids);
  for (const node of nodes) expect((await inRedis(node, 'test:')).sort()).toEqual([...ids].sort());
}, 30_000);
