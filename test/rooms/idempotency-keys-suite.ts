import { describe, expect, test } from 'vitest';
import type { IdempotencyKeys } from '../../src/rooms/idempotency-keys.ts';

/** A deed that ends when it is told to, and counts how often it was begun. */
export function slowly() {
  const ends: ((error?: Error) => void)[] = [];
  const act = () =>
    new Promise<{ n: number }>((resolve, reject) => {
      const n = ends.push((error) => (error ? reject(error) : resolve({ n })));
    });
  return { act, ends };
}

const conflict = expect.objectContaining({ code: 'idempotency_conflict' });

/**
 * The cases that all `IdempotencyKeys` pass.
 *
 * @param create returns those of two nodes, which may be one and the same
 */
export function idempotencyKeysSuite(
  name: string,
  create: () => readonly [IdempotencyKeys, IdempotencyKeys],
): void {
  describe(name, () => {
    test('the same key acts once, and repeats the answer on every node', async () => {
      let acts = 0;
      for (const keys of create()) {
        for (let n = 0; n < 3; n += 1) {
          expect(await keys.once('caller', 'k', 'request', () => ({ n: ++acts, text: 'é"\n' }))).toEqual({
            n: 1,
            text: 'é"\n',
          });
        }
      }
      expect(acts).toBe(1);
    });

    test('callers, and requests without a key, do not share', async () => {
      const [here, there] = create();
      let acts = 0;
      const act = () => (acts += 1);
      expect(await here.once('a', 'k', 'r', act)).toBe(1);
      expect(await there.once('b', 'k', 'r', act)).toBe(2);
      expect(await there.once('a', 'K', 'r', act)).toBe(3);
      for (const n of [4, 5]) expect(await here.once('a', undefined, 'r', act)).toBe(n);
      expect(await there.once('a', '{k}', 'r', act)).toBe(6);
    });

    test('the same key with another request is a conflict, be the first over or not', async () => {
      const [here, there] = create();
      const { act, ends } = slowly();
      const never = () => expect.unreachable();
      const first = here.once('a', 'k', 'r', act);
      await expect.poll(() => ends).toHaveLength(1);
      for (const keys of [here, there]) {
        await expect((async () => keys.once('a', 'k', 'another', never))()).rejects.toEqual(conflict);
      }
      ends[0]?.();
      await first;
      for (const keys of [here, there]) {
        await expect((async () => keys.once('a', 'k', 'another', never))()).rejects.toEqual(conflict);
      }
    });

    test('of many at once on two nodes one acts, and all are answered the same', async () => {
      const [here, there] = create();
      const { act, ends } = slowly();
      const answers = Array.from({ length: 20 }, (_, n) => (n % 2 ? here : there).once('a', 'k', 'r', act));
      await expect.poll(() => ends).toHaveLength(1);
      ends[0]?.();
      expect(await Promise.all(answers)).toEqual(Array(20).fill({ n: 1 }));
      expect(ends).toHaveLength(1);
    });

    test('an act that throws is not remembered: who waits for it acts itself', async () => {
      const [here, there] = create();
      const { act, ends } = slowly();
      const first = Promise.resolve(here.once('a', 'k', 'r', act));
      await expect.poll(() => ends).toHaveLength(1);
      const second = there.once('a', 'k', 'r', act);
      ends[0]?.(new Error('no'));
      await expect(first).rejects.toThrow('no');
      await expect.poll(() => ends).toHaveLength(2);
      ends[1]?.();
      expect(await second).toEqual({ n: 2 });
      expect(await here.once('a', 'k', 'r', act)).toEqual({ n: 2 });
      const throwing = async () => here.once('a', 'other', 'r', () => expect.unreachable('at once'));
      for (let n = 0; n < 2; n += 1) await expect(throwing()).rejects.toThrow('at once');
      expect(await there.once('a', 'other', 'r', () => 'done')).toBe('done');
    });
  });
}
