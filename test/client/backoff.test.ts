import { expect, test } from 'vitest';
import { Backoff } from '../../src/client/backoff.ts';

const options = { baseDelayMs: 100, maxDelayMs: 1_000, maxAttempts: 6 };

test('a wait is a random part of a time that doubles, up to the longest', () => {
  const chances = [0.5, 0, 0.25, 0.999, 0.5, 1];
  const backoff = new Backoff(options, () => chances.shift() ?? 0);
  const delays = Array.from({ length: 7 }, () => backoff.next());
  expect(delays).toEqual([50, 0, 100, 799.2, 500, 1_000, undefined]);
});

test('of many who are cut at once each tenth of the time brings about as many back', () => {
  const tenths = new Uint32Array(10);
  for (let n = 0; n < 10_000; n += 1) {
    const delayMs = new Backoff({ baseDelayMs: 1_000 }).next() ?? 0;
    tenths[Math.floor(delayMs / 100)] = (tenths[Math.floor(delayMs / 100)] ?? 0) + 1;
  }
  // Each is 1,000 give or take 30; six times that is never.
  expect(Math.min(...tenths)).toBeGreaterThan(820);
  expect(Math.max(...tenths)).toBeLessThan(1_180);
});

test('a connection that stood for the longest wait is tried again as soon as a first one', () => {
  let now = 0;
  const backoff = new Backoff(
    options,
    () => 1,
    () => now,
  );
  expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([100, 200, 400]);
  backoff.succeeded();
  now += 999;
  expect(backoff.next()).toBe(800);
  backoff.succeeded();
  now += 1_000;
  expect(backoff.next()).toBe(100);
});

test('only attempts that fail one after the other are counted', () => {
  const backoff = new Backoff({ ...options, maxAttempts: 2 }, () => 1);
  for (let n = 0; n < 10; n += 1) {
    expect(backoff.next()).toBeGreaterThan(0);
    expect(backoff.attempt).toBe(1);
    backoff.succeeded();
  }
  expect([backoff.next(), backoff.attempt]).toEqual([1_000, 1]);
  expect([backoff.next(), backoff.attempt]).toEqual([1_000, 2]);
  expect(backoff.next()).toBeUndefined();
});
