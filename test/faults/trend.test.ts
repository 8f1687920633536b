import { expect, test } from 'vitest';
import { seeded } from './seeded.ts';
import { trendOf } from './trend.ts';

const random = seeded(1);
const noise = (size: number) => (random() - 0.5) * size;
const series = (of: (n: number) => number) => Array.from({ length: 100 }, (_, n) => of(n));

test('noise does not grow', () => {
  const grown = Array.from(
    { length: 200 },
    () =>
      trendOf(
        series(() => 50 + noise(10)),
        0,
      ).grows,
  );
  expect(grown.filter(Boolean).length).toBeLessThan(6);
});

test('what always stays the same does not grow', () => {
  expect(
    trendOf(
      series(() => 7),
      0,
    ),
  ).toEqual({ median: 7, rise: 0, score: 0, grows: false });
});

test('a small leak under much noise grows', () => {
  expect(
    trendOf(
      series((n) => 50 + n / 20 + noise(5)),
      2,
    ).grows,
  ).toBe(true);
});

test('what is one more now and then grows', () => {
  expect(
    trendOf(
      series((n) => 20 + Math.floor(n / 30)),
      1,
    ).grows,
  ).toBe(true);
});

test('peaks, a start that is slow, a single step at the start, and a fall do not grow', () => {
  for (const of of [
    (n: number) => 50 + noise(1) + (n % 17 === 0 ? 60 : 0),
    (n: number) => (n < 20 ? n : 20) + noise(2),
    (n: number) => (n === 0 ? 0 : 30) + noise(2),
    (n: number) => 90 - n / 10 + noise(2),
  ]) {
    expect(trendOf(series(of), 0.5).grows).toBe(false);
  }
});

test('no more than is allowed is no growth, however sure it is', () => {
  const { score, grows } = trendOf(
    series((n) => 1_000 + n / 100),
    2,
  );
  expect([score > 10, grows]).toEqual([true, false]);
});
