import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  blockMs,
  checkedPolicy,
  type LimitBlock,
  type LimitPolicy,
  type LimitState,
  lapsesAt,
  levelAt,
  take,
  takeOver,
} from '../../src/limits/policy.ts';

const policy: LimitPolicy = { name: 'demo', limit: 3, windowMs: 2500, block: { minMs: 2700, maxMs: 9100 } };

const blank: LimitState = { log: [], level: 0, blockedUntil: 0 };

describe('checkedPolicy', () => {
  test('returns a policy whose promises can be kept', () => {
    expect(checkedPolicy(policy)).toBe(policy);
  });

  test.each<[string, Partial<LimitPolicy>]>([
    ['no limit', { limit: 0 }],
    ['a fraction', { limit: 1.5 }],
    ['no window', { windowMs: 0 }],
    ['NaN', { windowMs: Number.NaN }],
    ['a block shorter than the window', { block: { minMs: 2499, maxMs: 9100 } }],
    ['a maximum under the minimum', { block: { minMs: 2700, maxMs: 2699 } }],
    ['an endless block', { block: { minMs: 2700, maxMs: Number.POSITIVE_INFINITY } }],
    ['a name that breaks a header', { name: 'a";q=9' }],
    ['no name', { name: '' }],
  ])('refuses %s', (_, wrong) => {
    expect(() => checkedPolicy({ ...policy, ...wrong })).toThrow(RangeError);
  });
});

test('a block doubles with each level up to the maximum, however high the level', () => {
  expect([1, 2, 3, 4, 5000].map((level) => blockMs(level, policy))).toEqual([2700, 5400, 9100, 9100, 9100]);
});

test('one level is forgiven for each full maximum after the block', () => {
  const state: LimitState = { log: [], level: 2, blockedUntil: 100_000 };
  const levels = [99_000, 100_000, 109_099, 109_100, 118_199, 118_200, 900_000].map((at) =>
    levelAt(state, policy, at),
  );
  expect(levels).toEqual([2, 2, 2, 1, 1, 0, 0]);
});

describe('take', () => {
  test('returns the very same state when a refusal writes nothing', () => {
    const state: LimitState = { log: [], level: 1, blockedUntil: 100_000 };
    expect(take(state, policy, 99_999).state).toBe(state);
  });

  test('clears the log when a block starts', () => {
    const { state } = take({ log: [1000, 1000, 1001], level: 0, blockedUntil: 0 }, policy, 1002);
    expect(state).toEqual({ log: [], level: 1, blockedUntil: 3702 });
  });

  test('a clock set back and then put right does not shorten a block that starts in between', () => {
    const { state, verdict } = take({ log: [9000, 9000, 9000], level: 0, blockedUntil: 0 }, policy, 5000);
    expect(verdict).toMatchObject({ started: true, blockedUntil: 11_700, retryAfterMs: 6700 });
    expect(take(state, policy, 11_699).verdict.allowed).toBe(false);
    expect(take(state, policy, 11_700).verdict.allowed).toBe(true);
  });

  test('never changes the state it is given', () => {
    const state: LimitState = { log: Object.freeze([1000]), level: 0, blockedUntil: 0 };
    take(Object.freeze(state), policy, 1001);
    expect(state.log).toEqual([1000]);
  });
});

test('from the instant it lapses, a state decides as one that was never there, and not before', () => {
  const pauses = fc.array(fc.nat(4000), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(pauses, fc.nat(50_000), (steps, laterMs) => {
      let nowMs = 1_000_000;
      let state: LimitState | undefined;
      for (const pauseMs of steps) {
        nowMs += pauseMs;
        state = take(state, policy, nowMs).state;
      }
      if (state === undefined) throw new Error('every call remembers something');
      const lapsed = lapsesAt(state, policy);
      const atMs = lapsed + laterMs;
      expect(take(state, policy, atMs).verdict).toEqual(take(undefined, policy, atMs).verdict);
      expect(levelAt(state, policy, atMs)).toBe(0);
      const counts = state.log.some((acceptedMs) => acceptedMs + policy.windowMs > lapsed - 1);
      expect(counts || levelAt(state, policy, lapsed - 1) > 0).toBe(true);
    }),
  );
});

test('blocks taken over in any order and however often block as long, and count as much', () => {
  const blocks = fc.array(fc.record({ level: fc.integer({ min: 1, max: 5 }), blockedUntil: fc.nat(60_000) }));
  const twoOrders = blocks.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all])));
  fc.assert(
    fc.property(twoOrders, fc.nat(60_000), ([all, some], nowMs) => {
      const takeAll = (each: readonly LimitBlock[]) =>
        each.reduce<LimitState>((state, block) => takeOver(state, policy, block, nowMs), blank);
      const [one, other] = [takeAll(all), takeAll([...some, ...all])];
      expect(levelAt(other, policy, nowMs)).toBe(levelAt(one, policy, nowMs));
      expect(Math.max(nowMs, other.blockedUntil)).toBe(Math.max(nowMs, one.blockedUntil));
    }),
  );
});
