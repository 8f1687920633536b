import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChatStore, HistoryBounds } from '../../src/rooms/chat-store.ts';
import { LocalChatStore } from '../../src/rooms/local-chat-store.ts';
import { type Clock, idOf, messageOf, place } from './chat-store-suite.ts';

const dayMs = 86_400_000;
const users = ['a', 'b', 'c'];
const step = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(dayMs / 2) }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      readers: fc.option(fc.subarray(users), { nil: undefined }),
      length: fc.constantFrom(1, 10, 9_000),
      late: fc.constantFrom(0, 0, 1, 5),
    }),
  },
  fc.record({
    kind: fc.constantFrom('get' as const, 'replace' as const, 'remove' as const),
    n: fc.nat(25),
    userId: fc.constantFrom(...users),
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('page' as const),
      userId: fc.constantFrom(...users),
      request: fc.record(
        { before: fc.nat(25), after: fc.nat(25), limit: fc.integer({ min: 1, max: 8 }) },
        { requiredKeys: ['limit'] },
      ),
    }),
  },
  fc.record({ kind: fc.constant('restart' as const) }),
  fc.record({
    kind: fc.constant('clear' as const),
    channel: fc.constantFrom('chat' as const, 'zoom' as const, undefined),
  }),
);

/**
 * Has a store do at random what one in memory does as well, and compares what both say.
 *
 * @param create returns a store without messages that reads the given clock
 * @param reopen returns one that has what this one had, as after a restart
 */
export function chatStoreAgreement<Store extends ChatStore>(
  create: (bounds: HistoryBounds, clock: Clock) => Store,
  reopen: (store: Store, bounds: HistoryBounds, clock: Clock) => Store = (store) => store,
): void {
  test('whatever is done, both stores say the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50 }), fc.nat(9), async (steps, maxMessages) => {
        const clock: Clock = { nowMs: Date.now() };
        const bounds = { maxMessages, maxAgeMs: dayMs };
        const local = new LocalChatStore({ ...bounds, maxTotal: 50_000 }, () => clock.nowMs);
        let store = create(bounds, clock);
        const both = async <T>(call: (one: ChatStore) => T) => {
          const answer = call(local);
          expect(await call(store)).toStrictEqual(answer);
          return answer;
        };
        const ids: string[] = [];
        const kept = (n: number) => ids[n - 1] ?? idOf(n);
        for (const each of steps) {
          if (each.kind === 'restart') store = reopen(store, bounds, clock);
          if (each.kind === 'wait') clock.nowMs += each.ms;
          if (each.kind === 'append') {
            const n = ids.length + 1;
            const text = 'x'.repeat(each.length);
            const message = messageOf(n, clock.nowMs, each.readers, text, Math.max(0, n - each.late));
            const { messageId } = await both((one) => one.append(place, message));
            ids.push(messageId);
          }
          if (each.kind === 'get') await both((one) => one.get(place, kept(each.n), each.userId));
          if (each.kind === 'replace') {
            const { entry } = messageOf(each.n, clock.nowMs, undefined, `edited ${each.n}`);
            await both((one) => one.replace(place, { ...entry, messageId: kept(each.n) }));
          }
          if (each.kind === 'remove') await both((one) => one.remove(place, kept(each.n)));
          if (each.kind === 'page') {
            const { before, after, limit } = each.request;
            const request = {
              limit,
              ...(before !== undefined && { before: kept(before) }),
              ...(after !== undefined && { after: kept(after) }),
            };
            await both((one) => one.page(place, each.userId, request));
          }
          if (each.kind === 'clear') await both((one) => one.clear('r', each.channel));
        }
        await both((one) => one.page(place, 'a', { limit: 100 }));
      }),
      { numRuns: 150 },
    );
  });
}
