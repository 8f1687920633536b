import type { Contestant } from './contestant.ts';
import type { Metric } from './scenarios/scenario.ts';
import type { Spread } from './statistics.ts';

/** What the server of this project is to reach, in one run. */
export interface Target {
  readonly case: string;
  readonly metric: Metric;
  /** Whether the number itself has a limit, or what it is beside another: divided by it, or minus it. */
  readonly kind: 'value' | 'ratio' | 'difference';
  /** The other: the same of another contestant, or of our own in another case. */
  readonly of?: { readonly contestant: Contestant } | { readonly case: string };
  readonly max: number;
}

/** A target, and what was measured. */
export interface Comparison extends Target {
  readonly value: number;
  readonly met: boolean;
}

/** Medians of what was measured, by case, contestant and metric. */
export type Measured = Readonly<
  Record<string, Readonly<Partial<Record<Contestant, Readonly<Partial<Record<Metric, Spread>>>>>>>
>;

const ws = { contestant: 'ws' } as const;
const socketIo = { contestant: 'socket.io' } as const;

export const targets: readonly Target[] = [
  { case: '1', metric: 'cpuPerDelivery', kind: 'ratio', of: ws, max: 0.3 },
  { case: '1', metric: 'cpuPerDelivery', kind: 'ratio', of: socketIo, max: 0.25 },
  { case: '2', metric: 'cpuPerDelivery', kind: 'ratio', of: ws, max: 0.75 },
  { case: '2', metric: 'cpuPerDelivery', kind: 'ratio', of: socketIo, max: 0.65 },
  { case: '3', metric: 'cpuPerDelivery', kind: 'ratio', of: ws, max: 1.3 },
  { case: '3', metric: 'cpuPerDelivery', kind: 'ratio', of: socketIo, max: 0.8 },
  { case: '4/HS256', metric: 'cpuPerJoin', kind: 'ratio', of: ws, max: 2 },
  { case: '4/RS256', metric: 'cpuPerJoin', kind: 'ratio', of: ws, max: 2 },
  { case: '5', metric: 'kbPerConnection', kind: 'ratio', of: ws, max: 1.5 },
  // 1 is linear, and 4 is the square of four times as many joins; halfway, by factors, is 2.
  { case: '6/2000', metric: 'framesPerJoin', kind: 'ratio', of: { case: '6/500' }, max: 2 },
  { case: '7', metric: 'stallMs', kind: 'value', max: 20 },
  { case: '8/5000', metric: 'cpuPerDelivery', kind: 'ratio', of: { case: '8/100' }, max: 1.2 },
  ...['1', '2', '3', '8/10', '8/100', '8/1000', '8/5000'].map(
    (name): Target => ({ case: name, metric: 'p99Ms', kind: 'difference', of: ws, max: 2 }),
  ),
];

/** Holds what was measured against the targets; those of which something was not measured are left out. */
export function compare(measured: Measured, against: readonly Target[] = targets): Comparison[] {
  return against.flatMap((target) => {
    const ours = measured[target.case]?.signalbox?.[target.metric]?.median;
    if (ours === undefined) return [];
    const value = target.of === undefined ? ours : beside(ours, measured, target, target.of);
    return value === undefined ? [] : [{ ...target, value, met: value <= target.max }];
  });
}

function beside(
  ours: number,
  measured: Measured,
  target: Target,
  of: NonNullable<Target['of']>,
): number | undefined {
  const row = measured['case' in of ? of.case : target.case];
  const other = row?.['contestant' in of ? of.contestant : 'signalbox']?.[target.metric]?.median;
  if (other === undefined) return undefined;
  return target.kind === 'ratio' ? ours / other : ours - other;
}

/** How much worse than before a ratio may be. */
const tolerance = 0.25;

/**
 * The ratios that are worse than they were, beyond what may be noise; in words. Only ratios: times depend on the
 * machine. Throws where there is nothing to compare.
 */
export function regressions(now: readonly Comparison[], before: readonly Comparison[]): string[] {
  const pairs = now.flatMap((comparison) => {
    const old = before.find((one) => nameOf(one) === nameOf(comparison));
    return comparison.kind === 'ratio' && old ? [{ comparison, old }] : [];
  });
  if (pairs.length === 0) throw new Error('no ratio of this run is among the committed ones');
  return pairs
    .filter(({ comparison, old }) => comparison.value > old.value * (1 + tolerance))
    .map(({ comparison, old }) => {
      return `${nameOf(comparison)}: ${comparison.value.toFixed(2)}, and was ${old.value.toFixed(2)}`;
    });
}

/** Names a comparison, such as `1 cpuPerDelivery of ws`. */
export function nameOf({ case: name, metric, of }: Target): string {
  return [name, metric, ...(of ? ['of', otherOf(of)] : [])].join(' ');
}

/** Names what a target compares with. */
export function otherOf(of: NonNullable<Target['of']>): string {
  return 'case' in of ? of.case : of.contestant;
}
