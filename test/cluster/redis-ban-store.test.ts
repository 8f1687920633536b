import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { channels } from '../../generated/messages.ts';
import { type Redis, script } from '../../src/cluster/redis.ts';
import { RedisBanStore } from '../../src/cluster/redis-ban-store.ts';
import type { BanStore } from '../../src/rooms/ban-store.ts';
import { LocalBanStore } from '../../src/rooms/local-ban-store.ts';
import { banStoreSuite, banUntil, type Clock } from '../rooms/ban-store-suite.ts';
import { connectTwice, counting, startRedis, startRedisCluster } from '../support/redis.ts';

const room = { roomId: 'r', channel: 'chat' } as const;
const minuteMs = 60_000;
const keysOf = script(`return redis.call('KEYS', ARGV[1] .. '*')`);
const patiently = { timeout: 10_000 };
let redis: Redis;
let other: Redis;
let stores = 0;

beforeAll(async () => {
  const server = await startRedis();
  [redis, other] = await connectTwice(server);
});

/** What the keys of a new store begin with. */
const newPrefix = () => `test ${++stores}:`;

banStoreSuite('RedisBanStore', (clock) => new RedisBanStore(redis, newPrefix(), () => clock.nowMs));

test('what one node does holds on the other', async () => {
  const prefix = newPrefix();
  const [here, there] = [new RedisBanStore(redis, prefix), new RedisBanStore(other, prefix)];
  const ban = banUntil(Date.now() + minuteMs, { reason: 'spam', channel: 'chat' });
  await here.add(ban);
  expect(await there.find('u', room)).toStrictEqual(ban);
  expect(await there.list()).toStrictEqual([ban]);
  expect(await there.lift(ban.banId)).toBe(true);
  expect(await here.find('u', room)).toBeUndefined();
  expect(await here.list()).toEqual([]);
  expect(await here.lift(ban.banId)).toBe(false);
});

test('bans end by the clock of Redis, and nothing is left of them', async () => {
  const prefix = newPrefix();
  const bans = new RedisBanStore(redis, prefix);
  for (const userId of ['u', 'v']) await bans.add(banUntil(Date.now() + 1_000, { userId }));
  await bans.add(banUntil(Date.now() - 1_000, { userId: 'w' })); // by a node whose clock is late
  expect(await bans.list()).toHaveLength(2);
  await expect.poll(() => bans.list(), patiently).toEqual([]);
  expect(await bans.find('u', room)).toBeUndefined();
  await expect.poll(() => redis.run(keysOf, [], [prefix]), patiently).toEqual([]);
});

test('bans that have ended are forgotten as others come', async () => {
  const [prefix, clock] = [newPrefix(), { nowMs: Date.now() }];
  const bans = new RedisBanStore(redis, prefix, () => clock.nowMs);
  for (let n = 0; n < 250; n += 1) await bans.add(banUntil(clock.nowMs + minuteMs, { userId: `u${n}` }));
  await bans.add(banUntil(clock.nowMs + minuteMs));
  clock.nowMs += minuteMs;
  for (let n = 0; n < 3; n += 1) await bans.add(banUntil(clock.nowMs + minuteMs));
  expect(await redis.command('ZCARD', `${prefix}{.bans}:end`)).toBe(3);
  expect(await redis.command('HLEN', `${prefix}{.bans}:id`)).toBe(3);
  expect(await redis.command('LLEN', `${prefix}{r}:bans:u`)).toBe(3);
});

test('so many round trips, and none that needs more than one slot', async () => {
  const counted = counting(await startRedisCluster());
  const bans = new RedisBanStore(counted, 'signalbox:');
  const ban = banUntil(Date.now() + minuteMs);
  const trips = async (act: () => Promise<unknown>): Promise<number> => {
    counted.calls = 0;
    await act();
    return counted.calls;
  };
  expect(await trips(() => bans.add(ban))).toBe(2);
  expect(await trips(() => bans.find('u', room))).toBe(1);
  expect(await trips(() => bans.list())).toBe(1);
  expect(await trips(() => bans.lift(ban.banId))).toBe(3);
  expect(await trips(() => bans.lift('nothing'))).toBe(1);
});

describe('a Redis that goes away halfway', () => {
  /** Fails from the nth call on. */
  const failingAfter = (calls: number): Redis => {
    let left = calls;
    const checked = (call: () => Promise<unknown>) =>
      left-- > 0 ? call() : Promise.reject(new Error('Redis is gone'));
    return {
      command: (...call) => checked(() => redis.command(...call)),
      run: (...call) => checked(() => redis.run(...call)),
      close: () => {},
    };
  };

  test('an addition that failed keeps nobody out who is not in the list', async () => {
    for (const calls of [0, 1]) {
      const prefix = newPrefix();
      const ban = banUntil(Date.now() + minuteMs);
      await expect(new RedisBanStore(failingAfter(calls), prefix).add(ban)).rejects.toThrow('gone');
      const bans = new RedisBanStore(redis, prefix);
      expect(await bans.find('u', room)).toBeUndefined();
      expect(await bans.list()).toHaveLength(calls);
      expect(await bans.lift(ban.banId)).toBe(calls === 1);
      expect(await bans.list()).toEqual([]);
    }
  });

  test('a lifting that failed can be done again', async () => {
    for (const calls of [0, 1, 2]) {
      const prefix = newPrefix();
      const ban = banUntil(Date.now() + minuteMs);
      const bans = new RedisBanStore(redis, prefix);
      await bans.add(ban);
      await expect(new RedisBanStore(failingAfter(calls), prefix).lift(ban.banId)).rejects.toThrow('gone');
      expect(await bans.list()).toStrictEqual([ban]);
      expect(await bans.lift(ban.banId)).toBe(true);
      expect(await bans.find('u', room)).toBeUndefined();
      expect(await bans.list()).toEqual([]);
    }
  });
});

test('whatever is done, both stores say the same', async () => {
  const who = { roomId: fc.constantFrom('r', 's'), userId: fc.constantFrom('u', 'v') };
  const where = { ...who, channel: fc.constantFrom(...channels) };
  const step = fc.oneof(
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(4 * minuteMs) }),
    fc.record({
      kind: fc.constant('add' as const),
      ...who,
      channel: fc.option(where.channel),
      minutes: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({ kind: fc.constant('find' as const), ...where }),
    fc.record({ kind: fc.constant('lift' as const), which: fc.nat(9) }),
    fc.record({ kind: fc.constant('list' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const clock: Clock = { nowMs: Date.now() };
      const local = new LocalBanStore(() => clock.nowMs);
      const shared = new RedisBanStore(redis, newPrefix(), () => clock.nowMs);
      const both = async (call: (store: BanStore) => unknown) =>
        expect(await call(shared)).toStrictEqual(call(local));
      const ids: string[] = [];
      for (const each of steps) {
        if (each.kind === 'wait') clock.nowMs += each.ms;
        if (each.kind === 'list') await both((store) => store.list());
        if (each.kind === 'find') await both((store) => store.find(each.userId, each));
        if (each.kind === 'lift') await both((store) => store.lift(ids[each.which] ?? 'nothing'));
        if (each.kind === 'add') {
          const { roomId, userId, channel, minutes } = each;
          const more = { roomId, userId, channel: channel ?? undefined };
          const ban = banUntil(clock.nowMs + minutes * minuteMs, more);
          ids.push(ban.banId);
          await both((store) => store.add(ban));
        }
      }
      await both((store) => store.list());
    }),
    { numRuns: 100 },
  );
});
