import type { Contestant } from './contestant.ts';
import type { Run } from './results.ts';
import type { Metric } from './scenarios/scenario.ts';
import { type Spread, spreadOf } from './statistics.ts';

/** What the server of this project is to reach, in one run. */
export interface Target {
  readonly case: string;
  readonly metric: Metric;
  /** Whether the number itself has a limit, or what it is beside another: divided by it, or minus it. */
  readonly kind: 'value' | 'ratio' | 'difference';
  /** The other: the same of another contestant, or of our own in another case. */
  readonly of?: { readonly contestant: Contestant } | { readonly case: string };
  readonly atMost: number;
}

/** A target, and what was measured. */
export interface Comparison extends Target, Spread {
  readonly met: boolean;
}

const ws = { contestant: 'ws' } as const;
const socketIo = { contestant: 'socket.io' } as const;
const socketIoStreams = { contestant: 'socket.io streams' } as const;

export const targets: readonly Target[] = [
  { case: '1', metric: 'cpuPerDelivery', kind: 'ratio', of: ws, atMost: 0.3 },
  { case: '1', metric: 'cpuPerDelivery', kind: 'ratio', of: socketIo, atMost: 0.25 },
  { case: '2', metric: 'cpuPerDelivery', kind: 'ratio', of: ws, atMost: 0.75 },
  { case: '2', metric: 'cpuPerDelivery', kind: 'ratio', of: socketIo, atMost: 0.65 },
  { case: '3', metric: 'cpuPerDelivery', kind: 'ratio', of: ws, atMost: 1.3 },
  { case: '3', metric: 'cpuPerDelivery', kind: 'ratio', of: socketIo, atMost: 0.8 },
  { case: '4/HS256', metric: 'cpuPerJoin', kind: 'ratio', of: ws, atMost: 2 },
  { case: '4/RS256', metric: 'cpuPerJoin', kind: 'ratio', of: ws, atMost: 2 },
  { case: '5', metric: 'kbPerConnection', kind: 'ratio', of: ws, atMost: 1.5 },
  // A storm lasts 40 windows of presence, told to half of the room on average: 20, and 6 for the welcome and the pages
  // of the roster. Twice that; one frame for each join and member would be 1,000.
  { case: '6/2000', metric: 'framesPerJoin', kind: 'value', atMost: 50 },
  // 1 is linear, and 4 the square: four times as many joins. Halfway between, by factors, is 2.
  { case: '6/2000', metric: 'framesPerJoin', kind: 'ratio', of: { case: '6/500' }, atMost: 2 },
  { case: '7', metric: 'stallMs', kind: 'value', atMost: 20 },
  { case: '8/5000', metric: 'cpuPerDelivery', kind: 'ratio', of: { case: '8/100' }, atMost: 1.2 },
  ...['1', '2', '3', '8/10', '8/100', '8/1000', '8/5000'].map(
    (name): Target => ({ case: name, metric: 'p99Ms', kind: 'difference', of: ws, atMost: 2 }),
  ),
  ...[2, 3].flatMap(clusterTargets),
];

/** What many nodes are to reach: the cost of all processes together, and what they ask of Redis. */
function clusterTargets(nodes: number): Target[] {
  const crossing = [10, 11, 12, 14].map((scenario) => `${scenario}/${nodes}`);
  // What idle nodes publish is taken off by its rate, which leaves or takes one or two of a thousand.
  const leeway = 0.01;
  return [
    { case: `9/${nodes}`, metric: 'redisPublishes', kind: 'value', atMost: leeway },
    ...crossing.flatMap((name): Target[] => [
      { case: name, metric: 'cpuPerDelivery', kind: 'ratio', of: socketIo, atMost: 0.7 },
      { case: name, metric: 'cpuPerDelivery', kind: 'ratio', of: socketIoStreams, atMost: 0.7 },
      { case: name, metric: 'redisPublishes', kind: 'value', atMost: 1 + leeway },
    ]),
    { case: `13/${nodes}`, metric: 'redisTrips', kind: 'value', atMost: 3 },
  ];
}

/**
 * Holds what was measured against the targets; those of which something was not measured are left out. Compared are
 * those that were measured right after one another, and the median is that of the comparisons: a machine that gets
 * slower for a while makes all of them slower, and the comparison stays.
 */
export function compare(runs: readonly Run[], against: readonly Target[] = targets): Comparison[] {
  return against.flatMap((target) => {
    const { kind, of, atMost } = target;
    const own = samplesOf(runs, target, 'signalbox');
    const isOtherCase = of !== undefined && 'case' in of;
    const others =
      of &&
      samplesOf(runs, isOtherCase ? { ...target, ...of } : target, isOtherCase ? 'signalbox' : of.contestant);
    const values = Array.from(own).flatMap(([slot, value]) => {
      const other = others?.get(slot);
      if (kind === 'value') return value;
      if (other === undefined) return [];
      return kind === 'ratio' ? value / other : value - other;
    });
    if (values.length === 0) return [];
    const spread = spreadOf(values);
    return [{ ...target, ...spread, met: spread.median <= atMost }];
  });
}

function samplesOf(
  runs: readonly Run[],
  { case: name, metric }: Target,
  contestant: Contestant,
): Map<number, number> {
  const own = runs.filter((run) => run.case === name && run.contestant === contestant);
  return new Map(
    own.flatMap(({ slot, metrics: { [metric]: value } }) => (value === undefined ? [] : [[slot, value]])),
  );
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
    .filter(({ comparison, old }) => comparison.median > old.median * (1 + tolerance))
    .map(({ comparison, old }) => {
      return `${nameOf(comparison)}: ${comparison.median.toFixed(2)}, and was ${old.median.toFixed(2)}`;
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
