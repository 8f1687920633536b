import { expect, test } from 'vitest';
import { IdempotencyKeys } from '../../src/handlers/operations/idempotency.ts';

const dayMs = 24 * 60 * 60 * 1000;

test('an answer is kept for 24 hours, and no longer', () => {
  let now = 0;
  let acts = 0;
  const keys = new IdempotencyKeys(() => now);
  const once = () => keys.once('caller', 'k', 'request', () => (acts += 1));
  expect([once(), once()]).toEqual([1, 1]);
  now = dayMs - 1;
  expect(once()).toBe(1);
  now = dayMs;
  expect(once()).toBe(2);
});

test('callers, and requests without a key, do not share', () => {
  let acts = 0;
  const keys = new IdempotencyKeys(() => 0);
  const act = () => (acts += 1);
  keys.once('a', 'k', 'r', act);
  keys.once('b', 'k', 'r', act);
  keys.once('a', undefined, 'r', act);
  keys.once('a', undefined, 'r', act);
  expect(acts).toBe(4);
  expect(() => keys.once('a', 'k', 'another request', act)).toThrow(
    expect.objectContaining({ code: 'idempotency_conflict' }),
  );
});

test('what is remembered is bounded: the oldest go first', () => {
  const keys = new IdempotencyKeys(() => 0);
  let acts = 0;
  const use = (n: number) => keys.once('caller', `k${n}`, 'r', () => (acts += 1));
  for (let n = 0; n <= 100_000; n += 1) use(n);
  acts = 0;
  use(100_000);
  expect(acts).toBe(0);
  use(0);
  expect(acts).toBe(1);
});
