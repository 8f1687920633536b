import { describe, expect, test } from 'vitest';
import { LocalLimitStore } from '../../src/limits/local-limit-store.ts';
import type { LimitPolicy } from '../../src/limits/policy.ts';
import { type Clock, limitStoreSuite } from './limit-store-suite.ts';
import { mergingStoreSuite } from './merging-store-suite.ts';

const create = (clock: Clock) => new LocalLimitStore(() => clock.nowMs);
limitStoreSuite('LocalLimitStore', create);
mergingStoreSuite('LocalLimitStore', create);

const block = { minMs: 60_000, maxMs: 600_000 };
const policy: LimitPolicy = { name: 'one', limit: 1, windowMs: 60_000, block };

// The floods take seconds, not for the store's sake but for two million strings.
describe('memory', { timeout: 60_000 }, () => {
  test('a flood of 1,000,000 keys in turn never holds much more than one window of them', () => {
    let nowMs = 0;
    let largest = 0;
    const store = new LocalLimitStore(() => nowMs);
    for (let i = 0; i < 1_000_000; i += 1) {
      nowMs += 1;
      store.take(policy, `key ${i}`);
      largest = Math.max(largest, store.size);
    }
    expect(largest).toBeLessThan(policy.windowMs * 1.1);
  });

  test('1,000,000 keys at once are forgotten when they lapsed, by calls for any key', () => {
    let nowMs = 0;
    const store = new LocalLimitStore(() => nowMs);
    for (let i = 0; i < 1_000_000; i += 1) store.take(policy, `key ${i}`);
    expect(store.size).toBe(1_000_000);
    nowMs = policy.windowMs;
    for (let i = 0; i < 1_000_000 / 16 + 1; i += 1) store.take(policy, 'last');
    expect(store.size).toBe(1);
  });

  test('a blocked key is held until it is wholly forgiven, to the millisecond', () => {
    let nowMs = 0;
    const store = new LocalLimitStore(() => nowMs);
    const sweep = () => {
      for (let i = 0; i < 4; i += 1) store.take({ ...policy, name: 'other' }, 'other');
      return store.size;
    };
    store.take(policy, 'anna');
    store.take(policy, 'anna');
    nowMs = 60_000 + 600_000 - 1;
    expect(sweep()).toBe(2);
    nowMs += 1;
    expect(sweep()).toBe(1);
  });
});

test('a clock with fractions still gives whole waits', () => {
  const store = new LocalLimitStore(() => 1_790_000_000_000.7);
  store.take(policy, 'anna');
  expect(store.take(policy, 'anna')).toMatchObject({ retryAfterMs: 60_000, blockedUntil: 1_790_000_060_000 });
});

test('tells the blocks that still count, running or over', () => {
  let nowMs = 1_000_000;
  const store = new LocalLimitStore(() => nowMs);
  store.take(policy, 'ben');
  for (let i = 0; i < 2; i += 1) store.take(policy, 'anna');
  const known = [{ policy, key: 'anna', level: 1, blockedUntil: nowMs + 60_000 }];
  expect([...store.blocks()]).toEqual(known);
  nowMs += 60_000 + 599_999;
  expect([...store.blocks()]).toEqual(known);
  nowMs += 1;
  expect([...store.blocks()]).toEqual([]);
});
