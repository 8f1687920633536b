import { beforeAll, expect, test } from 'vitest';
import type { Redis } from '../../src/cluster/redis.ts';
import { RedisAddressFailures } from '../../src/cluster/redis-address-failures.ts';
import { LocalAddressFailures } from '../../src/limits/address.ts';
import { addressFailuresSuite } from '../limits/address-failures-suite.ts';
import { connectTo, connectTwice, counting, startRedis, startRedisCluster } from '../support/redis.ts';

const ip = '192.0.2.1';
const key = `{address:${ip}}:failures`;
let redis: Redis;
let other: Redis;
let made = 0;

beforeAll(async () => {
  const server = await startRedis();
  [redis, other] = await connectTwice(server);
});

/** What the keys of a new case begin with. */
const newPrefix = () => `test ${++made}:`;

/** Those of one node, whose pauses are over when they are looked at. */
function failuresOf(of: Redis, prefix: string, perMinute: number) {
  let nowMs = 0;
  return new RedisAddressFailures(of, prefix, new LocalAddressFailures(perMinute), () => (nowMs += 1_000));
}

addressFailuresSuite('RedisAddressFailures', (perMinute) => {
  const prefix = newPrefix();
  return [failuresOf(redis, prefix, perMinute), failuresOf(other, prefix, perMinute)];
});

test('the window begins with the first failure, and when it is over nothing is left', async () => {
  const prefix = newPrefix();
  const [here, there] = [failuresOf(redis, prefix, 2), failuresOf(other, prefix, 2)];
  await here.record(ip);
  await redis.command('PEXPIRE', prefix + key, 40_000);
  await here.record(ip);
  expect(await there.retryAfterMs(ip)).toBeLessThanOrEqual(40_000);
  await redis.command('PEXPIRE', prefix + key, 1);
  await expect.poll(() => there.retryAfterMs(ip)).toBeUndefined();
  await expect.poll(() => redis.command('EXISTS', prefix + key)).toBe(0);
});

test('without Redis this node counts alone, and waits for it once a second at most', async () => {
  const server = await startRedis();
  const clock = { nowMs: 0 };
  const counted = counting(await connectTo(server));
  const failures = new RedisAddressFailures(counted, '', new LocalAddressFailures(2), () => clock.nowMs);
  const elsewhere = failuresOf(await connectTo(server), '', 2);
  await elsewhere.record(ip);
  await elsewhere.record(ip);
  expect(await failures.retryAfterMs(ip)).toBeGreaterThan(0);

  process.kill(server.pid, 'SIGSTOP');
  counted.calls = 0;
  for (let n = 0; n < 10; n += 1) expect(await failures.retryAfterMs(ip)).toBeUndefined();
  for (let n = 0; n < 2; n += 1) await failures.record(ip);
  expect(await failures.retryAfterMs(ip)).toBeGreaterThan(0);
  expect(await failures.retryAfterMs('192.0.2.2')).toBeUndefined();
  expect(counted.calls).toBe(1);

  process.kill(server.pid, 'SIGCONT');
  const later = () => {
    clock.nowMs += 1_000;
    return failures.retryAfterMs('192.0.2.3');
  };
  for (let n = 0; n < 2; n += 1) await elsewhere.record('192.0.2.3');
  await expect.poll(later, { timeout: 10_000 }).toBeGreaterThan(0);
});

test('one round trip to ask, one to count; none for who is refused here', async () => {
  const counted = counting(await startRedisCluster());
  const failures = failuresOf(counted, 'signalbox:', 2);
  const trips = async (act: () => Promise<unknown>): Promise<number> => {
    counted.calls = 0;
    await act();
    return counted.calls;
  };
  expect(await trips(() => failures.retryAfterMs(ip))).toBe(1);
  await failures.record(ip); // the first time a script is sent twice
  expect(await trips(() => failures.record(ip))).toBe(1);
  expect(await trips(() => failures.retryAfterMs(ip))).toBe(0);
  expect(await trips(() => failuresOf(counted, 'signalbox:', 2).retryAfterMs(ip))).toBe(2);
});
