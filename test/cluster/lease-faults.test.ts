import { beforeAll, describe, expect, test } from 'vitest';
import { isFenced } from '../../src/cluster/fence.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
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

let server: RedisServer;
let prefixes = 0;
const newPrefix = () => `test ${++prefixes}:`;
const lost = (id: string) => [`lost ${id}`];

beforeAll(async () => {
  server = await startRedis();
});

async function two(prefix = newPrefix()) {
  const [anna, ben] = await startNodes(server, 2, prefix);
  if (!anna || !ben) throw new Error('there are not two');
  await untilAlone([anna, ben]);
  return { anna, ben, prefix };
}

/** Has Redis forget the nodes of one test, as if it had been emptied. */
const empty = ({ redis }: Node, prefix: string) =>
  Promise.all(['leases', 'epoch', 'sweeps'].map((name) => redis.command('DEL', `${prefix}{.nodes}:${name}`)));

test('a node beats on, whatever becomes of what it tells', async () => {
  const { anna, ben, prefix } = await two();
  anna.isFaulty = true;
  await empty(ben, prefix);
  await expect.poll(() => anna.told, patiently).toEqual(['emptied']);
  await beats(anna, 3);
  await untilAlone([anna, ben]);
  ben.freeze();
  await expect.poll(() => anna.told.length, patiently).toBeGreaterThan(2); // it is handed out again
  anna.isFaulty = false;
  await expect.poll(() => inRedis(anna, prefix), patiently).toEqual([anna.lease.id]);
  expect(anna.faults).toEqual(['Error: emptied']);
});

describe('a node that was frozen', () => {
  test('and swept, learns it from its first beat, and goes on under another id; its old fence is refused', async () => {
    const { anna, ben, prefix } = await two();
    const [oldId, oldEnd] = [anna.lease.id, anna.lease.until];
    anna.freeze();
    await expect.poll(() => inRedis(ben, prefix), patiently).not.toContain(oldId);
    expect(anna.lease).toMatchObject({ id: oldId, held: false });
    anna.thaw();
    await expect.poll(() => anna.told, patiently).toEqual(lost(oldId));
    expect(anna.lease.id).not.toBe(oldId);
    await untilAlone([anna, ben]);
    expect(isFenced(await anna.writes(oldEnd).catch((error: unknown) => error))).toBe(true);
    expect(await anna.writes()).toBeGreaterThan(0);
    await beats(anna, 3);
    expect(ben.told).toEqual([`dead ${oldId}`]);
    expect(anna.told).toEqual(lost(oldId));
  });

  test('and is being swept, is lost as well; until it has its next lease it can write nothing', async () => {
    const { anna, ben, prefix } = await two();
    const oldId = anna.lease.id;
    let finish = () => {};
    ben.sweep = () => new Promise((resolve) => (finish = resolve));
    anna.freeze();
    await expect.poll(() => ben.dead, patiently).toEqual([oldId]);
    anna.thaw();
    await expect.poll(() => anna.told, patiently).toEqual(lost(oldId));
    await untilAlone([anna, ben]);
    expect(await inRedis(ben, prefix)).toContain(oldId);
    finish();
    await expect.poll(() => inRedis(ben, prefix), patiently).not.toContain(oldId);
  });

  test('and swept by nobody, has its lease and its id again', async () => {
    const [anna] = await startNodes(server, 1, newPrefix());
    if (!anna) throw new Error('there is nobody');
    const { id, until } = anna.lease;
    anna.freeze();
    await untilOver(until, shortTimes.leaseMs);
    expect(anna.lease.held).toBe(false);
    expect(isFenced(await anna.writes().catch((error: unknown) => error))).toBe(true);
    anna.thaw();
    await expect.poll(() => anna.lease.held, patiently).toBe(true);
    expect(anna.lease.id).toBe(id);
    expect(anna.told).toEqual([]);
    expect(await anna.writes()).toBeGreaterThan(0);
  });

  test('while Redis was emptied, is lost, too, though Redis knows nothing of it', async () => {
    const prefix = newPrefix();
    const [anna] = await startNodes(server, 1, prefix);
    if (!anna) throw new Error('there is nobody');
    const { id } = anna.lease;
    anna.freeze();
    await untilOver(Date.now() + shortTimes.leaseMs, shortTimes.beatMs);
    await empty(anna, prefix);
    anna.thaw();
    await expect.poll(() => anna.lease.held, patiently).toBe(true);
    expect(anna.told).toEqual(lost(id));
    expect(await inRedis(anna, prefix)).toEqual([anna.lease.id]);
  });
});

describe('a node that was cut off', () => {
  test('and swept, is lost, also when Redis was emptied after that', async () => {
    for (const emptied of [false, true]) {
      const { anna, ben, prefix } = await two();
      const id = anna.lease.id;
      anna.line = 'cut';
      await expect.poll(() => inRedis(ben, prefix), patiently).not.toContain(id);
      expect(anna.outages.at(-1)).toBe('gone');
      expect(anna.lease).toMatchObject({ held: false, healthy: false });
      if (emptied) {
        await empty(ben, prefix);
        await expect.poll(() => ben.told, patiently).toContain('emptied');
      }
      anna.line = 'whole';
      await expect.poll(() => anna.told, patiently).toEqual([`lost ${id}`]);
      expect(anna.outages.at(-1)).toBe('recovered');
      await untilAlone([anna, ben]);
      expect(ben.dead).toEqual([id]);
    }
  });

  test('for some beats, sweeps nobody for the time of a lease', async () => {
    const { anna, ben } = await two();
    ben.freeze();
    await untilOver(ben.lease.until, -3 * shortTimes.beatMs);
    anna.line = 'cut';
    await expect.poll(() => anna.outages.at(-1), patiently).toBe('gone');
    await untilOver(ben.lease.until, 100);
    anna.line = 'whole';
    await expect.poll(() => anna.outages.at(-1), patiently).toBe('recovered');
    const recoveredAtMs = performance.now();
    expect(anna.lease.settled).toBe(false);
    await expect.poll(() => anna.dead, patiently).toEqual([ben.lease.id]);
    expect(performance.now() - recoveredAtMs).toBeGreaterThan(shortTimes.leaseMs - shortTimes.beatMs);
  });

  test('in one direction, keeps its lease, and hears later of what it missed', async () => {
    const { anna, ben, prefix } = await two();
    const { id, until } = anna.lease;
    ben.freeze();
    anna.line = 'late';
    await untilOver(until, shortTimes.leaseMs);
    expect(anna.lease).toMatchObject({ id, healthy: false });
    expect(anna.lease.until - until).toBeLessThanOrEqual(shortTimes.beatMs * 2);
    anna.line = 'whole';
    await expect.poll(() => anna.lease.until, patiently).toBeGreaterThan(until + shortTimes.leaseMs);
    await expect.poll(() => anna.dead, patiently).toEqual([ben.lease.id]);
    await expect.poll(() => inRedis(anna, prefix), patiently).toEqual([id]);
    expect(anna.told).toEqual([`dead ${ben.lease.id}`]);
  });
});

describe('a node that was handed a dead one, and did not hear of it,', () => {
  test('is told again', async () => {
    const { anna, ben } = await two();
    ben.freeze();
    anna.line = 'deaf';
    await expect.poll(() => anna.line, patiently).toBe('late');
    anna.line = 'whole';
    expect(anna.dead).toEqual([]);
    await expect.poll(() => anna.dead, patiently).toEqual([ben.lease.id]);
  });

  test('does not keep it from others while it hears nothing', async () => {
    const prefix = newPrefix();
    const [anna, ...others] = await startNodes(server, 3, prefix);
    anna?.freeze();
    for (const node of others) node.line = 'deaf';
    await expect.poll(() => others.some(({ line }) => line === 'late'), patiently).toBe(true);
    const [hears] = others.filter(({ line }) => line === 'deaf');
    if (!hears) throw new Error('both were handed the same one');
    hears.line = 'whole';
    await expect.poll(() => hears.dead, patiently).toEqual([anna?.lease.id]);
    expect(others.flatMap(({ dead }) => dead)).toEqual(hears.dead);
  });
});

test('a lease from before the clock of Redis was set back ends as if it were new', async () => {
  const { anna, ben, prefix } = await two();
  ben.freeze();
  await beats(anna, 1); // what Ben had on its way has arrived
  const leases = `${prefix}{.nodes}:leases`;
  await anna.redis.command('ZADD', leases, Date.now() + 3_600_000, ben.lease.id);
  await expect.poll(() => anna.dead, patiently).toEqual([ben.lease.id]);
});

describe('a Redis that was emptied', () => {
  test('has all nodes back after a beat, by their ids, and each is told to write what it holds', async () => {
    const { anna, ben, prefix } = await two();
    const ids = [anna.lease.id, ben.lease.id];
    for (let times = 1; times <= 2; times += 1) {
      await empty(anna, prefix);
      const told = Array.from({ length: times }, () => 'emptied');
      for (const node of [anna, ben]) {
        await expect.poll(() => node.told, patiently).toEqual(told);
        expect([...node.lease.live].sort()).toEqual([...ids].sort()); // also the one that is not back yet
        expect(node.lease).toMatchObject({ held: true, settled: false });
      }
    }
    expect([anna.lease.id, ben.lease.id]).toEqual(ids);
    await expect.poll(() => anna.lease.settled && ben.lease.settled, patiently).toBe(true);
    await beats(anna, 3);
    expect([...anna.told, ...ben.told].filter((text) => text !== 'emptied')).toEqual([]);
  });

  test('and a node that does not come back from that: it is swept, though Redis had forgotten it', async () => {
    const { anna, ben, prefix } = await two();
    ben.freeze();
    await beats(anna, 1);
    await empty(anna, prefix);
    await expect.poll(() => anna.told, patiently).toEqual(['emptied', `dead ${ben.lease.id}`]);
    await expect.poll(() => inRedis(anna, prefix), patiently).toEqual([anna.lease.id]);
  });

  test('gives nobody more than was left of its lease', async () => {
    const prefix = newPrefix();
    const [anna, ben] = await startNodes(server, 2, prefix, { ...shortTimes, leaseMs: 2_000 });
    if (!anna || !ben) throw new Error('there are not two');
    ben.freeze();
    await untilOver(ben.lease.until, -1_000);
    await empty(anna, prefix);
    await expect.poll(() => anna.told, patiently).toEqual(['emptied']);
    const end = await anna.redis.command('ZSCORE', `${prefix}{.nodes}:leases`, ben.lease.id);
    // What lies between the two beats is as if Redis had been away.
    expect(Number(end) - ben.lease.until).toBeLessThan(900);
  });

  test('loses a node that comes back to it when the others have swept it', async () => {
    const { anna, ben, prefix } = await two();
    const id = ben.lease.id;
    ben.line = 'cut';
    await empty(anna, prefix);
    await expect.poll(() => inRedis(anna, prefix), patiently).toContain(id);
    await expect.poll(() => inRedis(anna, prefix), patiently).toEqual([anna.lease.id]);
    ben.line = 'whole';
    await expect.poll(() => ben.told, patiently).toEqual(lost(id));
    expect(anna.told).toEqual(['emptied', `dead ${id}`]);
  });
});
