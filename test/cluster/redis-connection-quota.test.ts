import { beforeAll, describe, expect, test } from 'vitest';
import { sayingDegraded } from '../../src/cluster/degraded.ts';
import { type Redis, script } from '../../src/cluster/redis.ts';
import { RedisConnectionQuota } from '../../src/cluster/redis-connection-quota.ts';
import type { ConnectionLimits } from '../../src/rooms/connection-quota.ts';
import { claimantOf, clientIdOf, connectionQuotaSuite, nodeIds } from '../rooms/connection-quota-suite.ts';
import { connectTo, connectTwice, counting, startRedis, startRedisCluster } from '../support/redis.ts';
import { atScopeEnd } from '../support/scope.ts';

const limits = { perUserAndRoom: 2, perUser: 4, perAddress: 9 };
const [here, there] = nodeIds;
const patiently = { timeout: 10_000 };
const keysOf = script(`return redis.call('KEYS', ARGV[1] .. '*')`);
let redis: Redis;
let other: Redis;
let quotas = 0;

beforeAll(async () => {
  const server = await startRedis();
  [redis, other] = await connectTwice(server);
});

/** What the keys of a new quota begin with. */
const newPrefix = () => `test ${++quotas}:`;

/** The quota of one node; what it puts off comes soon. */
function quotaOf(
  of: Redis,
  prefix: string,
  { own = here as string, live = new Set<string>(nodeIds), max = limits as ConnectionLimits } = {},
): RedisConnectionQuota {
  const later = (run: () => void, ms: number) => void (ms < 60_000 && setTimeout(run, 50));
  const quota = new RedisConnectionQuota(of, prefix, max, { own: () => own, live: () => live }, later);
  atScopeEnd(() => quota.stop());
  return quota;
}

connectionQuotaSuite('RedisConnectionQuota', (max) => {
  const prefix = newPrefix();
  return [quotaOf(redis, prefix, { max }), quotaOf(other, prefix, { max, own: there })];
});

describe('claims that nobody holds any more', () => {
  test('those of a node that has died are dropped by who would be refused, and none of a live one', async () => {
    const prefix = newPrefix();
    const live = new Set<string>(nodeIds);
    const [one, two] = [quotaOf(redis, prefix, { live }), quotaOf(other, prefix, { own: there, live })];
    await one.take(clientIdOf(here, 1), claimantOf(1));
    await two.take(clientIdOf(there, 2), claimantOf(1));
    await expect(one.take(clientIdOf(here, 3), claimantOf(1))).rejects.toThrow('You have 2');
    live.delete(there);
    await one.check(claimantOf(1));
    await one.take(clientIdOf(here, 3), claimantOf(1));
    await expect(one.take(clientIdOf(here, 4), claimantOf(1))).rejects.toThrow('You have 2');
  });

  test('so are those of this node that it does not hold, as of a release that was given up', async () => {
    const prefix = newPrefix();
    await quotaOf(redis, prefix).take(clientIdOf(here, 1), claimantOf(1));
    await quotaOf(redis, prefix).take(clientIdOf(here, 2), claimantOf(1));
    const quota = quotaOf(redis, prefix);
    await quota.take(clientIdOf(here, 3), claimantOf(1));
    await quota.take(clientIdOf(here, 4), claimantOf(1));
    await expect(quota.take(clientIdOf(here, 5), claimantOf(1))).rejects.toThrow('You have 2');
  });

  test('of thousands that end at once some go at a time, and who has come back meanwhile still counts', async () => {
    const prefix = newPrefix();
    let [underWay, most] = [0, 0];
    const line: Redis = {
      ...redis,
      command: (...call) => {
        underWay += 1;
        most = Math.max(most, underWay);
        return redis.command(...call).finally(() => {
          underWay -= 1;
        });
      },
    };
    const quota = quotaOf(line, prefix, {
      max: { perUserAndRoom: 9_999, perUser: 9_999, perAddress: 9_999 },
    });
    const ids = Array.from({ length: 2_000 }, (_, n) => clientIdOf(here, n));
    for (let n = 0; n < ids.length; n += 100) {
      await Promise.all(ids.slice(n, n + 100).map((id) => quota.take(id, claimantOf(1))));
    }
    for (const id of ids) quota.release(id, claimantOf(1));
    const [back = ''] = ids.slice(-1);
    await quota.take(back, claimantOf(1));
    await expect.poll(() => quota.pending, patiently).toBe(0);
    expect(most).toBeLessThanOrEqual(100); // two keys of each
    const keys = (await redis.run(keysOf, [], [prefix])) as string[];
    expect(await Promise.all(keys.map((key) => redis.command('HKEYS', key)))).toEqual([[back], [back]]);
  });

  test('and nothing is left where all are released', async () => {
    const prefix = newPrefix();
    const quota = quotaOf(redis, prefix);
    await quota.take(clientIdOf(here, 1), claimantOf(1));
    const keys = (await redis.run(keysOf, [], [prefix])) as string[];
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(await redis.command('PTTL', key)).toBeGreaterThan(3_600_000);
    quota.release(clientIdOf(here, 1), claimantOf(1));
    await expect.poll(() => redis.run(keysOf, [], [prefix])).toEqual([]);
  });
});

test('without Redis nothing is taken, and what is released meanwhile is so once Redis is back', async () => {
  const server = await startRedis();
  const quota = quotaOf(sayingDegraded(await connectTo(server)), 'test:');
  for (const n of [1, 2]) await quota.take(clientIdOf(here, n), claimantOf(1));
  process.kill(server.pid, 'SIGSTOP');
  await expect(quota.take(clientIdOf(here, 3), claimantOf(1))).rejects.toMatchObject({ code: 'degraded' });
  await expect(quota.check(claimantOf(1))).rejects.toMatchObject({ code: 'degraded' });
  quota.release(clientIdOf(here, 1), claimantOf(1));
  await expect.poll(() => quota.pending).toBe(2); // the one that was refused may have been granted
  process.kill(server.pid, 'SIGCONT');
  await expect.poll(() => quota.pending, patiently).toBe(0);
  const observer = await connectTo(server);
  const held = () => observer.run(script(`return redis.call('HKEYS', KEYS[1])`), [addressKey], []);
  const addressKey = 'test:{address:192.0.2.1}:connections';
  expect(await held()).toEqual([clientIdOf(here, 2)]);
});

test('what is taken again before its release has come through is held', async () => {
  const server = await startRedis();
  const retries: (() => void)[] = [];
  const nodes = { own: () => here, live: () => new Set<string>(nodeIds) };
  const [client, observer] = await connectTwice(server);
  const later = (run: () => void, ms: number) => void (ms < 60_000 && retries.push(run));
  const quota = new RedisConnectionQuota(sayingDegraded(client), 'test:', limits, nodes, later);
  atScopeEnd(() => quota.stop());
  const id = clientIdOf(here, 1);
  await quota.take(id, claimantOf(1));
  await observer.command('CLIENT', 'PAUSE', 60_000, 'WRITE');
  quota.release(id, claimantOf(1));
  await expect.poll(() => retries.length, patiently).toBe(1);
  await observer.command('CLIENT', 'UNPAUSE');
  await quota.take(id, claimantOf(1));
  for (const retry of retries.splice(0)) retry();
  await expect.poll(() => quota.pending).toBe(0);
  expect(await observer.command('HKEYS', 'test:{address:192.0.2.1}:connections')).toEqual([id]);
});

test('what Redis has lost is written back: what is held, and nothing that has ended meanwhile', async () => {
  const server = await startRedis();
  const [one, two] = [await connectTo(server), await connectTo(server)];
  const [quota, elsewhere] = [quotaOf(one, 'test:'), quotaOf(two, 'test:', { own: there })];
  for (let n = 0; n < 120; n += 1) {
    await quota.take(clientIdOf(here, n), claimantOf(n, { userId: `u${n >> 1}` }));
  }
  await one.command('FLUSHALL', 'SYNC');
  await elsewhere.check(claimantOf(1, { userId: 'u0' }));
  const restored = quota.restore();
  for (const n of [0, 119]) quota.release(clientIdOf(here, n), claimantOf(n, { userId: `u${n >> 1}` }));
  await restored.catch(() => quota.restore()); // this machine may be busy
  const refused = async (userId: string) =>
    elsewhere.check(claimantOf(999, { userId })).then(
      () => false,
      () => true,
    );
  expect(await Promise.all(['u0', 'u1', 'u58', 'u59'].map(refused))).toEqual([false, true, true, false]);
});

test('so many round trips, and none that needs more than one slot', async () => {
  const counted = counting(await startRedisCluster());
  const quota = quotaOf(counted, 'signalbox:');
  /** Commands; those about the user and about the address go at the same time. */
  const commands = async (act: () => unknown): Promise<number> => {
    counted.calls = 0;
    await act();
    return counted.calls;
  };
  expect(await commands(() => quota.check(claimantOf(1)))).toBe(2);
  expect(await commands(() => quota.take(clientIdOf(here, 1), claimantOf(1)))).toBe(2);
  expect(await commands(() => quota.release(clientIdOf(here, 1), claimantOf(1)))).toBe(2);
  for (const n of [2, 3]) await quota.take(clientIdOf(here, n), claimantOf(1));
  const refused = () => quota.take(clientIdOf(here, 4), claimantOf(1)).catch(() => {});
  expect(await commands(refused)).toBe(5); // one more to look for dead nodes, and two that give back
});
