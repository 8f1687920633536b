import { beforeEach, describe, expect, test } from 'vitest';
import { limitStoreSuite } from '../limits/limit-store-suite.ts';
import { gone, policy, Rig } from './limit-store-rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});

limitStoreSuite('ResilientLimitStore, alone', (clock) => {
  const alone = new Rig(clock);
  alone.nodes = 1;
  alone.failure = gone;
  return alone.store;
});

describe('the circuit', () => {
  test('three failures in a row open it, told by one event; then nothing is sent and nothing awaited', async () => {
    const { store, asked, events } = rig;
    rig.failure = gone;
    for (let i = 0; i < 2; i += 1) expect(await store.take(policy, 'anna')).toMatchObject({ allowed: true });
    expect(await store.blocked(policy, 'anna')).toBeUndefined();
    expect(events).toEqual([{ type: 'limits.degraded', error: gone }]);
    expect(asked).toEqual(['take', 'take', 'blocked']);
    expect(store.take(policy, 'anna')).toMatchObject({ allowed: true });
    expect(store.blocked(policy, 'anna')).toBeUndefined();
    expect(asked.length).toBe(3);
  });

  test('an answer in between starts the count anew', async () => {
    for (const failure of [gone, gone, undefined, gone, gone, undefined]) {
      rig.failure = failure;
      await rig.store.take(policy, 'anna');
    }
    expect(rig.store.degraded).toBe(false);
  });

  test('400 parallel calls without an answer: each gets a verdict, one event', async () => {
    rig.failure = gone;
    const verdicts = await Promise.all(Array.from({ length: 400 }, () => rig.store.take(policy, 'anna')));
    expect(verdicts.filter(({ allowed }) => allowed).length).toBe(7);
    expect(rig.events.length).toBe(1);
    expect(rig.probes.length).toBe(1);
  });

  test('is tried each second, and closed when the store is of use again', async () => {
    await rig.degrade();
    for (let i = 0; i < 3; i += 1) await rig.probe(gone);
    expect(rig.asked).toEqual(['ready', 'ready', 'ready']);
    expect(rig.store.degraded).toBe(true);
    await rig.probe();
    expect(rig.events.at(-1)).toEqual({ type: 'limits.recovered', afterMs: 4_000 });
    expect(rig.probes).toEqual([]);
    await rig.store.take(policy, 'anna');
    expect(rig.asked.at(-1)).toBe('take');
  });

  test('is not tried any more after the end', async () => {
    await rig.degrade();
    rig.store.stop();
    await rig.probe();
    expect(rig.asked).toEqual([]);
    expect(rig.probes).toEqual([]);
  });
});

describe('alone', () => {
  test.each([
    [0, 20],
    [1, 20],
    [3, 7],
    [40, 1],
  ])('one of %i nodes accepts %i calls, says so, and then blocks', async (nodes, share) => {
    await rig.degrade();
    rig.nodes = nodes;
    const verdicts = await rig.calls(share + 1);
    expect(verdicts[0]).toEqual({ allowed: true, limit: share, remaining: share - 1, resetMs: 60_000 });
    expect(verdicts.at(-2)).toMatchObject({ allowed: true, remaining: 0 });
    expect(verdicts.at(-1)).toMatchObject({ started: true, level: 1, retryAfterMs: 120_000, limit: share });
  });

  test('a block known from before stays in force to its end, and the next one is of the next level', async () => {
    const { store, clock } = rig;
    await rig.calls(21);
    await rig.degrade();
    clock.nowMs += 50_000;
    expect(store.take(policy, 'anna')).toMatchObject({ started: false, level: 1, retryAfterMs: 70_000 });
    expect(store.blocked(policy, 'anna')).toMatchObject({ level: 1, retryAfterMs: 70_000 });
    clock.nowMs += 70_000;
    expect((await rig.calls(8)).at(-1)).toMatchObject({ started: true, level: 2 });
  });

  test('a block that a question told of is known, too', async () => {
    for (let i = 0; i < 21; i += 1) rig.held.take(policy, 'anna');
    await rig.store.blocked(policy, 'anna');
    rig.failure = gone;
    expect(await rig.store.take(policy, 'anna')).toMatchObject({ started: false, level: 1 });
  });
});

describe('back again', () => {
  test('a block that started here holds on other nodes, for as long as was said, at their clock', async () => {
    await rig.degrade();
    await rig.calls(8);
    await rig.probe();
    expect(rig.held.blocked(policy, 'anna')).toMatchObject({ level: 1, retryAfterMs: 118_999 });
    expect(await rig.store.take(policy, 'anna')).toMatchObject({ started: false, level: 1 });
  });

  test('a level holds on other nodes though its block is over', async () => {
    await rig.degrade();
    await rig.calls(8);
    rig.clock.nowMs += 300_000;
    await rig.probe();
    expect((await rig.calls(21)).at(-1)).toMatchObject({ started: true, level: 2 });
  });

  test('a store that comes back empty learns of the blocks that it had told of, none longer', async () => {
    await rig.calls(21);
    const before = rig.held.blocked(policy, 'anna')?.blockedUntil ?? 0;
    await rig.degrade();
    rig.flush();
    await rig.probe();
    expect(rig.held.blocked(policy, 'anna')?.blockedUntil).toBe(before - 1);
  });

  test('a store that kept a block keeps it as it was', async () => {
    await rig.calls(21);
    const before = rig.held.blocked(policy, 'anna')?.blockedUntil;
    await rig.degrade();
    await rig.probe();
    expect(rig.held.blocked(policy, 'anna')?.blockedUntil).toBe(before);
  });

  test('a block that starts while others are brought over is not left behind', async () => {
    const { store, probes, asked } = rig;
    await rig.degrade();
    await rig.calls(8);
    rig.failure = undefined;
    probes.shift()?.();
    while (!asked.includes('block')) await Promise.resolve();
    for (let i = 0; i < 8; i += 1) void store.take(policy, 'ben');
    await rig.settled();
    expect(store.degraded).toBe(false);
    expect(rig.held.blocked(policy, 'ben')).toMatchObject({ level: 1 });
  });

  test('a store that goes again meanwhile is not gone back to', async () => {
    await rig.degrade();
    for (let i = 0; i < 250; i += 1) await rig.calls(8, `key ${i}`);
    rig.failure = undefined;
    rig.probes.shift()?.();
    while (!rig.asked.includes('block')) await Promise.resolve();
    rig.failure = gone;
    await rig.settled();
    expect(rig.store.degraded).toBe(true);
    await rig.probe();
    expect(rig.store.degraded).toBe(false);
    expect(rig.held.blocked(policy, 'key 249')).toMatchObject({ level: 1 });
  });

  test('a block that started here by single failures is brought over, too', async () => {
    rig.nodes = 40;
    for (const failure of [gone, undefined, gone]) {
      rig.failure = failure;
      await rig.store.take(policy, 'anna');
    }
    expect(rig.store.degraded).toBe(true);
    await rig.probe();
    expect(await rig.store.take(policy, 'anna')).toMatchObject({ started: false, level: 1 });
  });

  test('what was counted here is forgotten by calls that are counted there', async () => {
    await rig.degrade();
    for (let i = 0; i < 100; i += 1) await rig.calls(1, `key ${i}`);
    expect(rig.local.size).toBe(101);
    await rig.probe();
    rig.clock.nowMs += policy.windowMs;
    await rig.calls(10);
    expect(rig.local.size).toBe(0);
  });
});
