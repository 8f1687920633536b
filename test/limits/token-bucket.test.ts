import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenBucket } from '../../src/limits/token-bucket.ts';

test('a burst at once, then so many a second; the wait that is told is true', () => {
  const bucket = new TokenBucket({ perSecond: 5, burst: 20 }, 0);
  for (let n = 0; n < 20; n += 1) expect(bucket.take(0)).toBe(0);
  expect(bucket.take(0)).toBe(200);
  expect(bucket.take(199)).toBe(1);
  expect(bucket.take(200)).toBe(0);
  expect(bucket.take(200)).toBe(200);
});

test('a clock that is set back gives nothing', () => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 1 }, 10_000);
  expect(bucket.take(10_000)).toBe(0);
  expect(bucket.take(0)).toBe(1000);
});

test('no stretch of time ever holds more than the burst and what refills in it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(700), { maxLength: 200 }),
      fc.integer({ min: 1, max: 30 }),
      (pauses, burst) => {
        const bucket = new TokenBucket({ perSecond: 5, burst }, 0);
        const taken: number[] = [];
        let now = 0;
        for (const pause of pauses) {
          now += pause;
          if (bucket.take(now) === 0) taken.push(now);
        }
        for (const [first, from] of taken.entries()) {
          for (const [last, to] of taken.entries()) {
            if (last >= first)
              expect(last - first + 1).toBeLessThanOrEqual(burst + ((to - from) * 5) / 1000 + 1e-6);
          }
        }
      },
    ),
    { numRuns: 50 },
  );
});
