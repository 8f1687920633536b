import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MergingLimitStore } from '../../src/limits/limit-store.ts';
import {
  blockOf,
  type LimitBlock,
  type LimitState,
  lapsesAt,
  take,
  takeOver,
} from '../../src/limits/policy.ts';
import { bursts, type Clock, small, start } from './limit-store-suite.ts';

/** What happens after a pause, to one of two keys; pauses and set-backs as short as the blocks of the small policy. */
const steps = fc.array(
  fc.record({
    pauseMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -3000, max: 12_000 })),
    key: fc.constantFrom('anna', 'ben'),
    call: fc.oneof(
      { weight: 6, arbitrary: fc.constant('take' as const) },
      { weight: 1, arbitrary: fc.constant('blocked' as const) },
      { weight: 1, arbitrary: fc.record({ level: fc.integer({ min: 1, max: 5 }), endsInMs: offsets() }) },
    ),
  }),
  { maxLength: 60 },
);

function offsets() {
  return fc.integer({ min: -20_000, max: 10_000 });
}

/**
 * The cases that every `MergingLimitStore` passes, beside those of every `LimitStore`.
 *
 * @param create returns a store without keys that reads the given clock
 * @param numRuns of each property; lower for a store that does I/O
 */
export function mergingStoreSuite(
  name: string,
  create: (clock: Clock) => MergingLimitStore | Promise<MergingLimitStore>,
  numRuns = 300,
): void {
  async function setUp() {
    const clock: Clock = { nowMs: start };
    const store = await create(clock);
    const call = async () => store.take(small, 'anna');
    const takeOverBlock = async (level: number, endsInMs: number) =>
      store.block(small, 'anna', { level, blockedUntil: clock.nowMs + endsInMs });
    return { clock, store, call, takeOverBlock };
  }

  describe(`${name} takes over blocks`, () => {
    test('one that runs holds to its end, and then the caller has the full quota', async () => {
      const { clock, store, call, takeOverBlock } = await setUp();
      await call();
      await takeOverBlock(2, 1000);
      const refusal = { allowed: false, limit: 3, level: 2, blockedUntil: start + 1000, started: false };
      expect(await call()).toEqual({ ...refusal, retryAfterMs: 1000 });
      clock.nowMs += 999;
      expect(await store.blocked(small, 'anna')).toEqual({ ...refusal, retryAfterMs: 1 });
      clock.nowMs += 1;
      expect(await call()).toMatchObject({ allowed: true, remaining: 2 });
    });

    test('of several the latest end and the highest level count, in any order and however often', async () => {
      const [long, high, low, over] = [
        [1, 2000] as const,
        [3, 1000] as const,
        [2, 500] as const,
        [4, -9100] as const,
      ];
      for (const order of [
        [long, high],
        [high, long],
        [low, long, high, over, long, low],
        [over, high, long, over],
      ]) {
        const { call, takeOverBlock } = await setUp();
        for (const [level, endsInMs] of order) await takeOverBlock(level, endsInMs);
        expect(await call()).toMatchObject({ level: 3, retryAfterMs: 2000 });
      }
    });

    test('a level known here is not lowered, and the next violation rises from it', async () => {
      const { clock, call, takeOverBlock } = await setUp();
      await takeOverBlock(4, 500);
      await takeOverBlock(1, 1000);
      clock.nowMs += 1000;
      for (let i = 0; i < 3; i += 1) await call();
      expect(await call()).toMatchObject({ started: true, level: 5 });
    });

    test('one that is over leaves its level, and what was accepted still counts', async () => {
      const { call, takeOverBlock } = await setUp();
      for (let i = 0; i < 3; i += 1) await call();
      await takeOverBlock(2, -100);
      expect(await call()).toMatchObject({ started: true, level: 3 });
    });

    test('of two that are over, the one of which more levels still count', async () => {
      const [three, one] = [[3, -18_200] as const, [1, -9100] as const];
      for (const order of [
        [three, one],
        [one, three],
      ]) {
        const { call, takeOverBlock } = await setUp();
        for (const [level, endsInMs] of order) await takeOverBlock(level, endsInMs);
        for (let i = 0; i < 3; i += 1) await call();
        expect(await call()).toMatchObject({ started: true, level: 2 });
      }
    });

    test('one that is forgiven by now changes nothing', async () => {
      const { store, call, takeOverBlock } = await setUp();
      await takeOverBlock(2, -18_200);
      expect(await store.blocked(small, 'anna')).toBeUndefined();
      for (let i = 0; i < 3; i += 1) await call();
      expect(await call()).toMatchObject({ started: true, level: 1 });
    });
  });

  test(`${name} decides as the rule does, to the millisecond, also when the clock is set back`, async () => {
    await fc.assert(
      fc.asyncProperty(steps, bursts, async (some, more) => {
        const clock: Clock = { nowMs: start };
        const store = await create(clock);
        const states = new Map<string, LimitState | undefined>();
        let forgiven = false;
        async function check(key: string, call: 'take' | 'blocked' | LimitBlock) {
          const known = states.get(key);
          if (call === 'take') {
            const { state, verdict } = take(known, small, clock.nowMs);
            states.set(key, state);
            expect(await store.take(small, key)).toEqual(verdict);
          } else if (call === 'blocked') {
            expect(await store.blocked(small, key)).toEqual(blockOf(known, small, clock.nowMs));
          } else {
            states.set(key, takeOver(known, small, call, clock.nowMs));
            await store.block(small, key, call);
          }
        }
        for (const { pauseMs, key, call } of some) {
          clock.nowMs += forgiven ? Math.abs(pauseMs) : pauseMs;
          // What is forgiven a store forgets at once or later: no clock is set back to where that would matter.
          forgiven ||= [...states.values()].some((state) => state && lapsesAt(state, small) <= clock.nowMs);
          const block = typeof call === 'object' && { ...call, blockedUntil: clock.nowMs + call.endsInMs };
          await check(key, block || (call as 'take' | 'blocked'));
        }
        for (const { pauseMs, calls } of more) {
          clock.nowMs += pauseMs;
          for (let i = 0; i < calls; i += 1) await check('anna', 'take');
        }
      }),
      { numRuns },
    );
  });
}
