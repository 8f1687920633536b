import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limitHeaders } from '../../src/limits/headers.ts';
import type { LimitStore } from '../../src/limits/limit-store.ts';
import type { LimitPolicy, LimitVerdict } from '../../src/limits/policy.ts';

/** The time of a store under test; setting it is the only way that time passes. */
export interface Clock {
  nowMs: number;
}

const minuteMs = 60_000;
/** Far ahead, so that a store that drops keys by a clock of its own drops none while a test sets the time. */
export const start = Date.UTC(2100, 0, 1);

function perMinute(name: string, limit: number, minMinutes: number, maxMinutes: number): LimitPolicy {
  const block = { minMs: minMinutes * minuteMs, maxMs: maxMinutes * minuteMs };
  return { name, limit, windowMs: minuteMs, block };
}

const active = perMinute('connections-active', 30, 1, 10);
const contract: [policy: LimitPolicy, blocksInMinutes: number[]][] = [
  [active, [1, 2, 4, 8, 10, 10, 10]],
  [perMinute('connections-kick', 20, 2, 30), [2, 4, 8, 16, 30, 30, 30]],
  [perMinute('connections-broadcast', 30, 1, 10), [1, 2, 4, 8, 10, 10, 10]],
  [perMinute('connections-close', 10, 3, 60), [3, 6, 12, 24, 48, 60, 60]],
];

/** Small enough that random calls reach blocks, their ends and forgiveness. */
export const small: LimitPolicy = {
  name: 'small',
  limit: 3,
  windowMs: 2500,
  block: { minMs: 2700, maxMs: 9100 },
};

/** A pause and then that many calls at once; pauses favour the edges of the small policy. */
export const bursts = fc.array(
  fc.record({
    pauseMs: fc.oneof(fc.constantFrom(0, 1, 2499, 2500, 2501, 2700, 5400, 9100, 9101), fc.nat(12_000)),
    calls: fc.integer({ min: 1, max: 5 }),
  }),
  { maxLength: 40 },
);

/**
 * The cases that every `LimitStore` passes.
 *
 * @param create returns a store without keys that reads the given clock
 * @param numRuns of each property; lower for a store that does I/O
 */
export function limitStoreSuite(
  name: string,
  create: (clock: Clock) => LimitStore | Promise<LimitStore>,
  numRuns = 300,
): void {
  async function setUp(policy: LimitPolicy) {
    const clock: Clock = { nowMs: start };
    const store = await create(clock);
    const call = async (key = 'anna') => store.take(policy, key);
    const calls = (count: number): Promise<LimitVerdict[]> =>
      Promise.all(Array.from({ length: count }, () => call()));
    return { clock, store, call, calls };
  }

  describe(name, () => {
    test.each(contract)('$name blocks as the contract says', async (policy, blocksInMinutes) => {
      const { clock, calls, call } = await setUp(policy);
      for (const [index, minutes] of blocksInMinutes.entries()) {
        expect((await calls(policy.limit)).every(({ allowed }) => allowed)).toBe(true);
        const violation = await call();
        expect(violation).toEqual({
          allowed: false,
          limit: policy.limit,
          retryAfterMs: minutes * minuteMs,
          level: index + 1,
          blockedUntil: clock.nowMs + minutes * minuteMs,
          started: true,
        });
        expect(limitHeaders(policy, violation)['Retry-After']).toBe(`${minutes * 60}`);
        clock.nowMs += minutes * minuteMs;
      }
    });

    test('counts down while the window slides', async () => {
      const { clock, call } = await setUp(small);
      expect(await call()).toEqual({ allowed: true, limit: 3, remaining: 2, resetMs: 2500 });
      clock.nowMs += 1000;
      expect(await call()).toEqual({ allowed: true, limit: 3, remaining: 1, resetMs: 1500 });
      clock.nowMs += 1499;
      expect(await call()).toEqual({ allowed: true, limit: 3, remaining: 0, resetMs: 1 });
      clock.nowMs += 1;
      expect(await call()).toEqual({ allowed: true, limit: 3, remaining: 0, resetMs: 1000 });
    });

    test('refuses without writing during a block, up to its last millisecond', async () => {
      const { clock, store, call, calls } = await setUp(small);
      await calls(4);
      const blockedUntil = start + 2700;
      for (const afterMs of [0, 1, 1350, 2699]) {
        clock.nowMs = start + afterMs;
        const retryAfterMs = 2700 - afterMs;
        const refusal = { allowed: false, limit: 3, retryAfterMs, level: 1, blockedUntil, started: false };
        expect(await call()).toEqual(refusal);
        expect(await store.blocked(small, 'anna')).toEqual(refusal);
      }
      expect(await store.blocked(small, 'ben')).toBeUndefined();
      clock.nowMs = blockedUntil;
      expect(await store.blocked(small, 'anna')).toBeUndefined();
      expect(await call()).toEqual({ allowed: true, limit: 3, remaining: 2, resetMs: 2500 });
    });

    test.each([
      ['nothing is forgiven until a full maximum has passed', 9099, 4],
      ['one level is forgiven for one maximum', 9100, 3],
      ['two for two', 18_200, 2],
      ['a key in long good standing starts anew', 91_000, 1],
    ])('%s', async (_, pauseMs, level) => {
      const { clock, calls } = await setUp(small);
      for (const lengthMs of [2700, 5400, 9100]) {
        await calls(4);
        clock.nowMs += lengthMs;
      }
      clock.nowMs += pauseMs;
      expect((await calls(4)).at(-1)).toMatchObject({ level, started: true });
    });

    test('a violation starts the wait for forgiveness anew', async () => {
      const { clock, calls } = await setUp(small);
      for (const [lengthMs, level] of [
        [2700, 1],
        [5400, 2],
        [9100, 3],
        [9100, 4],
      ] as const) {
        expect((await calls(4)).at(-1)).toMatchObject({ level, started: true });
        clock.nowMs += lengthMs + 9099;
      }
    });

    test('keys and policies are counted apart', async () => {
      const { store, call, calls } = await setUp(small);
      await calls(4);
      expect(await call('ben')).toMatchObject({ allowed: true, remaining: 2 });
      expect(await store.take(active, 'anna')).toMatchObject({ allowed: true, remaining: 29 });
    });

    test('400 parallel calls: 30 accepted, one violation, one level', async () => {
      const { calls } = await setUp(active);
      const verdicts = await calls(400);
      const refused = verdicts.filter((verdict) => !verdict.allowed);
      expect(refused.length).toBe(370);
      expect(refused.filter(({ started }) => started).length).toBe(1);
      expect(new Set(refused.map(({ level }) => level))).toEqual(new Set([1]));
    });

    test('no window ever holds more than the limit, and the wait until it slides is true', async () => {
      await fc.assert(
        fc.asyncProperty(bursts, async (steps) => {
          const { clock, call } = await setUp(small);
          const accepted: number[] = [];
          for (const { pauseMs, calls } of steps) {
            clock.nowMs += pauseMs;
            for (let i = 0; i < calls; i += 1) {
              const verdict = await call();
              if (!verdict.allowed) continue;
              accepted.push(clock.nowMs);
              const counted = accepted.filter((atMs) => atMs > clock.nowMs - small.windowMs);
              expect(counted.length).toBeLessThanOrEqual(small.limit);
              expect(verdict.remaining).toBe(small.limit - counted.length);
              expect(verdict.resetMs).toBe((counted[0] ?? Number.NaN) + small.windowMs - clock.nowMs);
            }
          }
        }),
        { numRuns },
      );
    });

    test('a level rises by one when a block starts, and never inside one', async () => {
      await fc.assert(
        fc.asyncProperty(bursts, async (steps) => {
          const { clock, call } = await setUp(small);
          let block = { level: 0, blockedUntil: 0 };
          for (const { pauseMs, calls } of steps) {
            clock.nowMs += pauseMs;
            for (let i = 0; i < calls; i += 1) {
              const verdict = await call();
              if (verdict.allowed) {
                expect(clock.nowMs).toBeGreaterThanOrEqual(block.blockedUntil);
              } else if (verdict.started) {
                const forgiven = Math.floor((clock.nowMs - block.blockedUntil) / small.block.maxMs);
                expect(verdict.level).toBe(Math.max(0, block.level - forgiven) + 1);
                block = verdict;
              } else {
                expect(verdict).toMatchObject({ level: block.level, blockedUntil: block.blockedUntil });
              }
            }
          }
        }),
        { numRuns },
      );
    });

    test('Retry-After is true to the second at any moment of any block', async () => {
      await fc.assert(
        fc.asyncProperty(bursts, fc.nat(9099), fc.boolean(), async (steps, intoMs, early) => {
          const { clock, call, calls } = await setUp(small);
          for (const step of steps) {
            clock.nowMs += step.pauseMs;
            await calls(step.calls);
          }
          const [violation] = (await calls(4)).filter((verdict) => !verdict.allowed);
          if (violation === undefined) throw new Error('four calls at once did not exceed a limit of three');
          clock.nowMs += intoMs % violation.retryAfterMs;
          const seconds = Number(limitHeaders(small, await call())['Retry-After']);
          fc.pre(!early || seconds > 1);
          clock.nowMs += (early ? seconds - 1 : seconds) * 1000;
          expect((await call()).allowed).toBe(!early);
        }),
        { numRuns },
      );
    });

    test('a clock that is set back grants nothing more, and the stated wait stays true', async () => {
      const setBacks = fc.array(fc.record({ pauseMs: fc.nat(6000), backMs: fc.nat(6000), calls: fc.nat(5) }));
      await fc.assert(
        fc.asyncProperty(setBacks, async (steps) => {
          const { clock, call } = await setUp(small);
          let trueMs = 0;
          const accepted: number[] = [];
          for (const { pauseMs, backMs, calls } of steps) {
            trueMs += pauseMs;
            clock.nowMs += pauseMs - backMs;
            for (let i = 0; i < calls; i += 1) if ((await call()).allowed) accepted.push(trueMs);
          }
          for (const fromMs of accepted) {
            const inWindow = accepted.filter((atMs) => atMs >= fromMs && atMs < fromMs + small.windowMs);
            expect(inWindow.length).toBeLessThanOrEqual(small.limit);
          }
          const verdict = await call();
          clock.nowMs += verdict.allowed ? verdict.resetMs : verdict.retryAfterMs;
          expect((await call()).allowed).toBe(true);
        }),
        { numRuns },
      );
    });
  });
}
