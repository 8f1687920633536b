import { median } from '../bench/statistics.ts';

/** How something went over many samples. */
export interface Trend {
  readonly median: number;
  /** By how much it rose from the first of the samples looked at to the last, along Theil and Sen's slope. */
  readonly rise: number;
  /** How sure it is that it rose, after Mann and Kendall: the standard score, whatever shape the rise has. */
  readonly score: number;
  /** It rises for sure, and by more than is allowed. */
  readonly grows: boolean;
}

/** In so much of the time a process becomes what it stays: code is compiled, buffers and histories find their size. */
const settlingShare = 1 / 3;
/** One in two hundred samplings that have no trend look like one. */
const surely = 2.58;

/**
 * Whether something grows, judged by ranks and medians, so that single peaks, which a heap has, say nothing. What comes
 * first is left out.
 *
 * @param allowance how much it may rise in all, in its own unit
 */
export function trendOf(samples: readonly number[], allowance: number): Trend {
  const values = samples.slice(Math.floor(samples.length * settlingShare));
  const slopes: number[] = [];
  let concordance = 0;
  for (const [at, earlier] of values.entries()) {
    for (let next = at + 1; next < values.length; next += 1) {
      const difference = (values[next] ?? 0) - earlier;
      slopes.push(difference / (next - at));
      concordance += Math.sign(difference);
    }
  }
  const rise = slopes.length === 0 ? 0 : median(slopes) * (values.length - 1);
  const score = standardScore(concordance, values);
  return { median: median(values), rise, score, grows: score > surely && rise > allowance };
}

/** Of so many more pairs that rise than fall, where nothing but chance decided; values that are alike say less. */
function standardScore(concordance: number, values: readonly number[]): number {
  const pairs = (n: number) => n * (n - 1) * (2 * n + 5);
  const alike = Map.groupBy(values, (value) => value).values();
  const ties = Array.from(alike).reduce((sum, group) => sum + pairs(group.length), 0);
  const variance = (pairs(values.length) - ties) / 18;
  return variance === 0 ? 0 : (concordance - Math.sign(concordance)) / Math.sqrt(variance);
}
