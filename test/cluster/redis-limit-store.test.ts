import { beforeAll, describe, expect, test } from 'vitest';
import type { Redis } from '../../src/cluster/redis.ts';
import { RedisLimitStore } from '../../src/cluster/redis-limit-store.ts';
import type { LimitPolicy } from '../../src/limits/policy.ts';
import { type Clock, limitStoreSuite } from '../limits/limit-store-suite.ts';
import { mergingStoreSuite } from '../limits/merging-store-suite.ts';
import { connectTo, connectTwice, startRedis } from '../support/redis.ts';

let redis: Redis;
let other: Redis;
let stores = 0;

beforeAll(async () => {
  const server = await startRedis();
  [redis, other] = await connectTwice(server);
});

/** A store without keys: no other has its prefix. */
function create(clock: Clock): RedisLimitStore {
  stores += 1;
  return new RedisLimitStore(redis, `test ${stores}:`, () => clock.nowMs);
}

limitStoreSuite('RedisLimitStore', create, 100);
mergingStoreSuite('RedisLimitStore', create, 100);

describe('by the clock of Redis', () => {
  const policy: LimitPolicy = {
    name: 'active',
    limit: 30,
    windowMs: 60_000,
    block: { minMs: 60_000, maxMs: 600_000 },
  };

  test('400 parallel calls from two nodes: 30 accepted, one violation, one level', async () => {
    const nodes = [new RedisLimitStore(redis, 'parallel:'), new RedisLimitStore(other, 'parallel:')];
    const calls = Array.from({ length: 400 }, (_, i) => nodes[i % 2]?.take(policy, 'anna'));
    const refused = (await Promise.all(calls)).filter((verdict) => verdict?.allowed === false);
    expect(refused.length).toBe(370);
    expect(refused.filter((verdict) => verdict?.allowed === false && verdict.started).length).toBe(1);
    expect(new Set(refused.map((verdict) => verdict?.allowed === false && verdict.level))).toEqual(
      new Set([1]),
    );
  });

  test('a window slides, a block ends and is forgiven as time goes by', async () => {
    const quick = { name: 'quick', limit: 1, windowMs: 40, block: { minMs: 40, maxMs: 80 } };
    const store = new RedisLimitStore(redis, 'quick:');
    const startedAtMs = Date.now();
    const [first, violation] = await Promise.all([store.take(quick, 'anna'), store.take(quick, 'anna')]);
    expect(first).toEqual({ allowed: true, limit: 1, remaining: 0, resetMs: 40 });
    if (violation.allowed) throw new Error('two calls at once did not exceed a limit of one');
    expect(violation.blockedUntil).toBeGreaterThanOrEqual(startedAtMs + 40);
    await until(violation.blockedUntil);
    expect(await store.take(quick, 'anna')).toMatchObject({ allowed: true, remaining: 0 });
    await until(Math.max(violation.blockedUntil + 80, Date.now() + 40));
    expect(await redis.command('EXISTS', 'quick:limit:{quick:anna}')).toBe(0);
  });

  test('a key is held to the millisecond until its log is empty, or it is wholly forgiven', async () => {
    const store = new RedisLimitStore(redis, 'held:');
    const key = 'held:limit:{active:anna}';
    const expiry = async () => Number(await redis.command('PEXPIRETIME', key));
    const earliest = await store.ready();
    for (let i = 0; i < 30; i += 1) await store.take(policy, 'anna');
    expect(await expiry()).toBeGreaterThanOrEqual(earliest + policy.windowMs);
    expect(await expiry()).toBeLessThanOrEqual((await store.ready()) + policy.windowMs);
    const violation = await store.take(policy, 'anna');
    if (violation.allowed) throw new Error('call 31 was not refused');
    expect(await expiry()).toBe(violation.blockedUntil + policy.block.maxMs);
  });

  test('nothing is written during a block', async () => {
    const store = new RedisLimitStore(redis, 'still:');
    for (let i = 0; i < 31; i += 1) await store.take(policy, 'anna');
    const key = 'still:limit:{active:anna}';
    const held = () => Promise.all([redis.command('GET', key), redis.command('PEXPIRETIME', key)]);
    const before = await held();
    for (let i = 0; i < 5; i += 1) expect(await store.take(policy, 'anna')).toMatchObject({ started: false });
    expect(await held()).toEqual(before);
  });

  test('the fullest key takes less than half a kilobyte', async () => {
    const store = new RedisLimitStore(redis, 'signalbox:');
    const subjectKey = 's'.repeat(43);
    for (let i = 0; i < 30; i += 1) await store.take(policy, subjectKey);
    const key = `signalbox:limit:{active:${subjectKey}}`;
    expect(Number(await redis.command('MEMORY', 'USAGE', key))).toBeLessThan(512);
  });

  test('whoever cannot write is not ready', async () => {
    const server = await startRedis();
    const full = await connectTo(server);
    const store = new RedisLimitStore(full, '');
    expect(Math.abs((await store.ready()) - Date.now())).toBeLessThan(1_000);
    await full.command('CONFIG', 'SET', 'maxmemory', 1);
    await expect(store.ready()).rejects.toThrow('OOM');
  });
});

async function until(epochMs: number): Promise<void> {
  // Redis and this process read one clock, each in its own rounding.
  while (Date.now() <= epochMs) await new Promise((resolve) => setTimeout(resolve, 1));
}
