import { beforeAll, expect, test } from 'vitest';
import { sayingDegraded } from '../../src/cluster/degraded.ts';
import { type Redis, script } from '../../src/cluster/redis.ts';
import { type IdempotencyTimes, RedisIdempotencyKeys } from '../../src/cluster/redis-idempotency-keys.ts';
import { idempotencyKeysSuite, slowly } from '../rooms/idempotency-keys-suite.ts';
import { connectTo, connectTwice, counting, startRedis, startRedisCluster } from '../support/redis.ts';

const patiently = { timeout: 10_000 };
const expireSoon = script(`
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('PEXPIRE', key, 1) end
`);
let redis: Redis;
let other: Redis;
let made = 0;

beforeAll(async () => {
  const server = await startRedis();
  [redis, other] = await connectTwice(server);
});

/** What the keys of a new case begin with. */
const newPrefix = () => `test ${++made}:`;

/** Those of one node, which waits less than it says. */
function keysOf(of: Redis, prefix: string, times: Partial<IdempotencyTimes> = {}) {
  const later = (run: () => void, ms: number) => void setTimeout(run, ms / 10);
  return new RedisIdempotencyKeys(of, prefix, later, {
    ...{ keptMs: 60_000, heldMs: 60_000, waitMs: 5_000 },
    ...times,
  });
}

idempotencyKeysSuite('RedisIdempotencyKeys', () => {
  const prefix = newPrefix();
  return [keysOf(redis, prefix, { waitMs: 60_000 }), keysOf(other, prefix, { waitMs: 60_000 })];
});

test('an answer is kept for 24 hours', async () => {
  const prefix = newPrefix();
  const keys = new RedisIdempotencyKeys(redis, prefix, () => {});
  await keys.once('a', 'k', 'r', () => 1);
  const [key] = (await redis.command('KEYS', `${prefix}*`)) as string[];
  const leftMs = (await redis.command('PTTL', key ?? '')) as number;
  expect(86_400_000 - leftMs).toBeGreaterThanOrEqual(0);
  expect(86_400_000 - leftMs).toBeLessThan(10_000);
  await redis.run(expireSoon, [], [prefix]);
  await expect.poll(() => keys.once('a', 'k', 'r', () => 2)).toBe(2);
});

test('who waits too long is told to come again; a node that died of its act does not hold the key for ever', async () => {
  const prefix = newPrefix();
  const { act } = slowly();
  void keysOf(redis, prefix).once('a', 'k', 'r', act); // for ever
  const there = keysOf(other, prefix, { waitMs: 100 });
  const again = () => there.once('a', 'k', 'r', () => 'again');
  await expect.poll(() => redis.command('KEYS', `${prefix}*`)).toHaveLength(1);
  await expect(again()).rejects.toMatchObject({ code: 'degraded' });
  await redis.run(expireSoon, [], [prefix]); // as it would be a minute later
  await expect.poll(again).toBe('again');
});

test('without Redis nothing acts; back again, the key is free, and not before what was sent has arrived', async () => {
  const server = await startRedis();
  const keys = keysOf(sayingDegraded(await connectTo(server)), 'test:');
  const act = () => 'done';
  process.kill(server.pid, 'SIGSTOP');
  const never = () => expect.unreachable();
  await expect(keys.once('a', 'k', 'r', never)).rejects.toMatchObject({ code: 'degraded' });
  expect(await keys.once('a', undefined, 'r', act)).toBe('done');
  process.kill(server.pid, 'SIGCONT');
  await expect.poll(() => keys.once('a', 'k', 'r', act).catch(() => 'degraded'), patiently).toBe('done');
});

test('what was done while Redis went is answered, and remembered once it is back', async () => {
  const server = await startRedis();
  const keys = keysOf(await connectTo(server), 'test:');
  const { act, ends } = slowly();
  const first = keys.once('a', 'k', 'r', act);
  await expect.poll(() => ends).toHaveLength(1);
  process.kill(server.pid, 'SIGSTOP');
  ends[0]?.();
  expect(await first).toEqual({ n: 1 });
  process.kill(server.pid, 'SIGCONT');
  const elsewhere = keysOf(await connectTo(server), 'test:');
  const repeated = () => elsewhere.once('a', 'k', 'r', () => 'twice').catch(() => 'degraded');
  await expect.poll(repeated, patiently).toEqual({ n: 1 });
});

test('so many round trips, on a Cluster too', async () => {
  const counted = counting(await startRedisCluster());
  const keys = keysOf(counted, 'signalbox:');
  for (const trips of [2, 1]) {
    counted.calls = 0;
    await keys.once('a', 'k', 'r', () => 1);
    expect(counted.calls).toBe(trips);
  }
});
