import { expect, test } from 'vitest';
import { LocalIdempotencyKeys } from '../../src/rooms/local-idempotency-keys.ts';
import { idempotencyKeysSuite } from './idempotency-keys-suite.ts';

const dayMs = 24 * 60 * 60 * 1000;

idempotencyKeysSuite('LocalIdempotencyKeys', () => {
  const keys = new LocalIdempotencyKeys(() => 0);
  return [keys, keys];
});

test('an answer is kept for 24 hours, and no longer', () => {
  let now = 0;
  let acts = 0;
  const keys = new LocalIdempotencyKeys(() => now);
  const once = () => keys.once('caller', 'k', 'request', () => (acts += 1)); // without a promise
  expect([once(), once()]).toEqual([1, 1]);
  now = dayMs - 1;
  expect(once()).toBe(1);
  now = dayMs;
  expect(once()).toBe(2);
});

test('what is remembered is bounded: the oldest go first', () => {
  const keys = new LocalIdempotencyKeys(() => 0);
  let acts = 0;
  const use = (n: number) => void keys.once('caller', `k${n}`, 'r', () => (acts += 1));
  for (let n = 0; n <= 100_000; n += 1) use(n);
  acts = 0;
  use(100_000);
  expect(acts).toBe(0);
  use(0);
  expect(acts).toBe(1);
});
