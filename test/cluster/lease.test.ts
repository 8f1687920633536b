import { beforeAll, describe, expect, test } from 'vitest';
import { isFenced } from '../../src/cluster/fence.ts';
import { connectTo, type RedisServer, startRedis, startRedisCluster } from '../support/redis.ts';
import {
  beats,
  inRedis,
  Node,
  patiently,
  shortTimes,
  startNodes,
  untilAlone,
  untilOver,
} from './lease-rig.ts';

let server: RedisServer;
let prefixes = 0;
const newPrefix = () => `test ${++prefixes}:`;

beforeAll(async () => {
  server = await startRedis();
});

/** Three nodes, by name, since most tests need each. */
async function three(times = shortTimes) {
  const prefix = newPrefix();
  const [anna, ben, cleo] = await startNodes(server, 3, prefix, times);
  if (!anna || !ben || !cleo) throw new Error('there are not three');
  await untilAlone([anna, ben, cleo]);
  return { anna, ben, cleo, prefix };
}

describe('living', () => {
  test('each node has an id of its own, knows all, and keeps its lease', async () => {
    const { anna, ben, cleo } = await three();
    const nodes = [anna, ben, cleo];
    const ids = nodes.map(({ lease }) => lease.id);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9]{8}$/);
    await beats(anna, 12); // more than a lease
    for (const { lease, told } of nodes) {
      expect(lease).toMatchObject({ held: true, healthy: true });
      expect(lease.until).toBeGreaterThan(Date.now());
      expect(told).toEqual([]);
    }
    expect(nodes.map(({ lease }) => lease.id)).toEqual(ids);
  });

  test('who has just come is known to be alive before the next beat, and who is dead is not', async () => {
    const prefix = newPrefix();
    const [anna] = await startNodes(server, 1, prefix, { leaseMs: 2_000, beatMs: 1_000 });
    const ben = new Node(await connectTo(server), prefix);
    if (!anna) throw new Error('there is nobody');
    await beats(anna, 1); // the next one is a second away
    await ben.lease.start();
    expect(anna.lease.live.has(ben.lease.id)).toBe(false);
    expect(await anna.lease.isAlive(ben.lease.id)).toBe(true);
    expect(await anna.lease.isAlive('nobody')).toBe(false);
    ben.freeze();
    await expect.poll(() => inRedis(anna, prefix), patiently).toEqual([anna.lease.id]);
    expect(await anna.lease.isAlive(ben.lease.id)).toBe(false);
  });

  test('what is written under a lease is written until it ends, and not after', async () => {
    const { anna } = await three();
    expect(await anna.writes()).toBeGreaterThan(0);
    const refused = await anna.writes(Date.now() - 1).catch((error: unknown) => error);
    expect(isFenced(refused)).toBe(true);
    expect(String(refused)).toContain('the lease of the node that writes is over');
    expect(isFenced(await anna.writes(0).catch((error: unknown) => error))).toBe(true);
    expect(isFenced(new Error('Redis has not answered within 100 ms'))).toBe(false);
  });

  test('a node that cannot reach Redis does not start; it can be tried again', async () => {
    const node = new Node(await connectTo(server), newPrefix());
    node.line = 'cut';
    await expect(node.lease.start()).rejects.toThrow('cut off');
    expect(node.lease).toMatchObject({ held: false, until: 0 });
    node.line = 'whole';
    await node.lease.start();
    expect(node.lease.held).toBe(true);
  });

  test('all of it lies in one slot', async () => {
    const node = new Node(await startRedisCluster(), 'signalbox:');
    await node.lease.start();
    await beats(node, 2);
    await node.lease.stop();
    expect(await inRedis(node, 'signalbox:')).toEqual([]);
  });

  test('who stops is forgotten at once, swept by nobody, and leaves to others what it was sweeping', async () => {
    const { anna, ben, cleo, prefix } = await three();
    anna.sweep = () => new Promise(() => {});
    ben.freeze();
    cleo.line = 'cut'; // so that Anna is the one to sweep
    await expect.poll(() => anna.dead, patiently).toContain(ben.lease.id);
    const restarted = new Node(cleo.redis, prefix);
    await restarted.lease.start();
    await expect.poll(() => restarted.lease.settled, patiently).toBe(true);
    expect(restarted.dead).toEqual([]);
    await anna.lease.stop();
    expect(anna.lease).toMatchObject({ until: 0, held: false });
    const claim = await cleo.redis.command('HGET', `${prefix}{.nodes}:sweeps`, ben.lease.id);
    expect(claim).not.toMatch(new RegExp(`^${anna.lease.id} [1-9]`)); // free, or another's already
    const remaining = await inRedis(cleo, prefix);
    expect(remaining).not.toContain(anna.lease.id);
    await expect.poll(() => restarted.dead, patiently).toContain(ben.lease.id);
    await expect.poll(() => inRedis(cleo, prefix), patiently).toEqual([restarted.lease.id]);
    expect(restarted.dead).not.toContain(anna.lease.id);
  });

  test('who stops without Redis is done, too', async () => {
    const { anna, ben, cleo } = await three();
    anna.line = 'cut';
    await anna.lease.stop();
    await expect.poll(() => [...ben.dead, ...cleo.dead], patiently).toEqual([anna.lease.id]);
  });
});

describe('dying', () => {
  test('exactly one sweeps a dead node, in time; then it is forgotten', async () => {
    const { leaseMs, beatMs } = { leaseMs: 900, beatMs: 100 };
    const { anna, ben, cleo, prefix } = await three({ leaseMs, beatMs });
    await beats(anna, 1);
    anna.freeze();
    const diedAtMs = anna.lease.until - leaseMs; // it may still have a beat on its way
    await expect.poll(() => [...ben.dead, ...cleo.dead], patiently).toEqual([anna.lease.id]);
    const tookMs = Date.now() - diedAtMs;
    expect(tookMs).toBeGreaterThanOrEqual(leaseMs);
    expect(tookMs).toBeLessThan(leaseMs + 1.5 * beatMs + 300); // the rest is for a busy machine
    await untilAlone([ben, cleo]);
    await expect.poll(async () => (await inRedis(ben, prefix)).length, patiently).toBe(2);
    await Promise.all([beats(ben, 5), beats(cleo, 5)]);
    expect([...ben.dead, ...cleo.dead]).toEqual([anna.lease.id]);
  });

  test('a sweeper that dies in the middle is followed by another, which sweeps it, too', async () => {
    const { anna, ben, cleo, prefix } = await three();
    const dies = (node: Node) => async () => {
      node.freeze();
      await new Promise(() => {});
    };
    [ben.sweep, cleo.sweep] = [dies(ben), dies(cleo)];
    anna.freeze();
    await expect.poll(() => ben.dead.length + cleo.dead.length, patiently).toBe(1);
    const [sweeper, other] = ben.dead.length > 0 ? [ben, cleo] : [cleo, ben];
    other.sweep = async () => {};
    await expect.poll(() => other.dead, patiently).toEqual([anna.lease.id, sweeper.lease.id]);
    await expect.poll(() => inRedis(other, prefix), patiently).toEqual([other.lease.id]);
  });

  test('a sweep that failed is tried again, one that is slow is left alone', async () => {
    const { anna, ben, cleo, prefix } = await three();
    const attempts: string[] = [];
    let finish = () => {};
    for (const node of [ben, cleo]) {
      node.sweep = () => {
        attempts.push(node.lease.id);
        if (attempts.length < 3) return Promise.reject(new Error('Redis is away'));
        return new Promise((resolve) => {
          finish = resolve;
        });
      };
    }
    anna.freeze();
    await expect.poll(() => attempts.length, patiently).toBe(3);
    await Promise.all([beats(ben, 6), beats(cleo, 6)]); // longer than a sweeper may be silent
    expect(attempts.length).toBe(3);
    expect(await inRedis(ben, prefix)).toContain(anna.lease.id);
    finish();
    await expect.poll(() => inRedis(ben, prefix), patiently).not.toContain(anna.lease.id);
    expect(attempts.length).toBe(3);
  });

  test('all die and one comes: it sweeps them, but only when they had the time to come back', async () => {
    const { anna, ben, cleo, prefix } = await three();
    for (const node of [anna, ben, cleo]) node.freeze();
    await untilOver(Math.max(...[anna, ben, cleo].map(({ lease }) => lease.until)), 100);
    const next = new Node(anna.redis, prefix);
    await next.lease.start();
    const startedAtMs = performance.now();
    expect(next.lease.settled).toBe(false);
    await expect.poll(() => next.dead.length, patiently).toBe(3);
    expect(performance.now() - startedAtMs).toBeGreaterThan(shortTimes.leaseMs);
    expect(next.dead.sort()).toEqual([anna, ben, cleo].map(({ lease }) => lease.id).sort());
    await expect.poll(() => inRedis(next, prefix), patiently).toEqual([next.lease.id]);
  });
});
