import { expect, test } from 'vitest';
import { pace, schedule } from './pace.ts';

test('a schedule is the same for everybody, rises, and has the rate that was asked for', () => {
  const due = schedule(10_000, 2_000);
  expect(schedule(10_000, 2_000)).toEqual(due);
  expect(schedule(10_000, 2_000, 2)).not.toEqual(due);
  expect(due.toSorted()).toEqual(due);
  expect(due.at(-1)).toBeGreaterThan(4_800);
  expect(due.at(-1)).toBeLessThan(5_200);
});

test('everything is sent, in order, and not before it is due', async () => {
  const sent: number[] = [];
  const startedAt = performance.now();
  await pace(
    Float64Array.of(0, 5, 5, 20),
    (index) => sent.push(index),
    () => {},
  );
  expect(sent).toEqual([0, 1, 2, 3]);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(20);
});

test('a fault ends it', async () => {
  const fault = () => {
    throw new Error('a client was cut');
  };
  await expect(pace(Float64Array.of(0, 60_000), () => {}, fault)).rejects.toThrow('a client was cut');
});
