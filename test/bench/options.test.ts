import { expect, test } from 'vitest';
import { readOptions, UsageError } from './options.ts';

test('without options everything is measured, three times', () => {
  expect(readOptions([])).toMatchObject({
    quick: false,
    only: undefined,
    rounds: 3,
    save: false,
    check: false,
  });
});

test('a quick run is one round, unless more are asked for', () => {
  expect(readOptions(['--quick']).rounds).toBe(1);
  expect(readOptions(['--quick', '--rounds', '2']).rounds).toBe(2);
});

test('scenarios are chosen by number', () => {
  expect(readOptions(['--only', '1,3']).only).toEqual(new Set([1, 3]));
  for (const wrong of ['9', '0', '1,', 'chat']) {
    expect(() => readOptions(['--only', wrong])).toThrow(UsageError);
  }
});

test('many nodes have scenarios, and a file, of their own', () => {
  expect(readOptions(['--cluster', '--only', '9,14'])).toMatchObject({
    cluster: true,
    only: new Set([9, 14]),
    json: '.cache/bench/cluster-results.json',
  });
  expect(readOptions([]).json).toBe('.cache/bench/results.json');
  for (const wrong of ['1', '15']) {
    expect(() => readOptions(['--cluster', '--only', wrong])).toThrow(UsageError);
  }
});
