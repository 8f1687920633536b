import { expect, test } from 'vitest';
import { median, percentile, spreadOf } from './statistics.ts';

test('the median is in the middle, or between the two there', () => {
  expect(median([10, 9, 1])).toBe(9);
  expect(median([100, 9, 10, 1])).toBe(9.5);
  expect(() => median([])).toThrow(RangeError);
});

test('a percentile is by nearest rank, and sorts by number', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([0, 1, 50, 99, 100].map((percent) => percentile(values, percent))).toEqual([1, 1, 50, 99, 100]);
  expect(percentile([100, 9], 50)).toBe(9);
  expect(() => percentile([], 50)).toThrow(RangeError);
});

test('a spread has both ends', () => {
  expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
});
