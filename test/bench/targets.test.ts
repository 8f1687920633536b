import { describe, expect, test } from 'vitest';
import { type Case, casesOf } from './cases.ts';
import { clusterCasesOf } from './cluster-cases.ts';
import type { Contestant } from './contestant.ts';
import type { Run } from './results.ts';
import { type Comparison, compare, regressions, type Target, targets } from './targets.ts';

function run(contestant: Contestant, slot: number, cpuPerDelivery: number, name = '1'): Run {
  return { case: name, contestant, slot, metrics: { cpuPerDelivery } };
}

const ofWs: Target = {
  case: '1',
  metric: 'cpuPerDelivery',
  kind: 'ratio',
  of: { contestant: 'ws' },
  atMost: 0.5,
};

describe('compare', () => {
  test('pairs what was measured at the same time, so that a slow machine changes nothing', () => {
    const runs = [1, 10, 3].flatMap((slowness, slot) => [
      run('signalbox', slot, slowness),
      run('ws', slot, slowness * 4),
    ]);
    expect(compare(runs, [ofWs])).toEqual([{ ...ofWs, median: 0.25, min: 0.25, max: 0.25, met: true }]);
  });

  test('leaves out what has no pair', () => {
    const runs = [run('signalbox', 0, 6), run('signalbox', 1, 9), run('ws', 1, 10), run('ws', 2, 1)];
    expect(compare(runs, [ofWs])).toMatchObject([{ median: 0.9, met: false }]);
    expect(compare(runs.slice(0, 2), [ofWs])).toEqual([]);
  });

  test('knows differences, values, and our own in another case', () => {
    const runs = [run('signalbox', 0, 6), run('ws', 0, 5), run('signalbox', 0, 3, '8/100')];
    const compared = compare(runs, [
      { ...ofWs, kind: 'difference', atMost: 1 },
      { case: '1', metric: 'cpuPerDelivery', kind: 'value', atMost: 5 },
      { ...ofWs, of: { case: '8/100' }, atMost: 2 },
    ]);
    expect(compared.map(({ median, met }) => [median, met])).toEqual([
      [1, true],
      [6, false],
      [2, true],
    ]);
  });
});

describe('regressions', () => {
  const compared = (median: number, target = ofWs): Comparison => {
    return { ...target, median, min: median, max: median, met: true };
  };

  test('a ratio may be a quarter worse, and better as it likes', () => {
    expect(regressions([compared(0.5)], [compared(0.4)])).toEqual([]);
    expect(regressions([compared(0.1)], [compared(0.4)])).toEqual([]);
    expect(regressions([compared(0.51)], [compared(0.4)])).toEqual([
      '1 cpuPerDelivery of ws: 0.51, and was 0.40',
    ]);
  });

  test('only ratios count, and only those that both have', () => {
    const value = compared(100, { case: '7', metric: 'stallMs', kind: 'value', atMost: 20 });
    const ofSocketIo = compared(9, { ...ofWs, of: { contestant: 'socket.io' } });
    expect(regressions([compared(0.4), value, ofSocketIo], [compared(0.4), { ...value, median: 1 }])).toEqual(
      [],
    );
    expect(() => regressions([ofSocketIo], [compared(0.4)])).toThrow('no ratio');
  });
});

test('every target is about a case that exists, and about who takes part in it', () => {
  const all: readonly Case[] = [...casesOf(false), ...clusterCasesOf(false)];
  const cases = new Map(all.map((one) => [one.id, one]));
  for (const { case: name, of } of targets) {
    expect(cases.has(name), name).toBe(true);
    if (of && 'case' in of) expect(cases.has(of.case), of.case).toBe(true);
    if (of && 'contestant' in of) expect(cases.get(name)?.contestants, name).toContain(of.contestant);
  }
});
