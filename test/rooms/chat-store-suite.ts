import { describe, expect, test } from 'vitest';
import type { ChatStore, HistoryBounds, PageRequest, StoredMessage } from '../../src/rooms/chat-store.ts';
import type { Place } from '../../src/rooms/connection.ts';

/** The time of a store under test; setting it is the only way that messages grow old. */
export interface Clock {
  nowMs: number;
}

const minuteMs = 60_000;
const start = Date.UTC(2026, 0, 1);
export const place: Place = { roomId: 'r', channel: 'chat' };

/**
 * The id of the `n`th message; sorts by `n`, as real ones do by time.
 *
 * @param at when it is made by a clock that may be wrong, in milliseconds
 */
export function idOf(n: number, at = n): string {
  const time = at.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${String(n).padStart(12, '0')}`;
}

/** The `n`th message, by the user `a`. */
export function messageOf(
  n: number,
  sentAt: number,
  readers?: readonly string[],
  text = `${n}`,
  at = n,
): StoredMessage {
  const entry = {
    messageId: idOf(n, at),
    from: 'client_a',
    userId: 'a',
    presenterName: 'A',
    text,
    private: readers !== undefined,
    sentAt: new Date(sentAt).toISOString(),
  };
  return { entry, readers: readers && new Set(readers), sentAt };
}

/**
 * The cases that every `ChatStore` passes.
 *
 * @param create returns a store without messages that reads the given clock
 */
export function chatStoreSuite(
  name: string,
  create: (bounds: HistoryBounds, clock: Clock) => ChatStore | Promise<ChatStore>,
): void {
  async function setUp(bounds: Partial<HistoryBounds> = {}) {
    const clock: Clock = { nowMs: start };
    const chat = await create({ maxMessages: 500, maxAgeMs: 24 * 60 * minuteMs, ...bounds }, clock);
    const say = async (n: number, readers?: readonly string[], where = place, text?: string) => {
      const message = messageOf(n, clock.nowMs, readers, text);
      await chat.append(where, message);
      return message;
    };
    const page = async (request: Partial<PageRequest> = {}, userId = 'a', where = place) => {
      const { messages, more } = await chat.page(where, userId, { limit: 100, ...request });
      return [messages.map(({ text }) => text).join(' '), more];
    };
    return { chat, clock, say, page };
  }

  describe(`${name}: pages`, () => {
    test('the newest, before one, after one, and between two: always oldest first', async () => {
      const { say, page } = await setUp();
      for (let n = 1; n <= 9; n += 1) await say(n);
      expect(await page()).toEqual(['1 2 3 4 5 6 7 8 9', false]);
      expect(await page({ limit: 9 })).toEqual(['1 2 3 4 5 6 7 8 9', false]);
      expect(await page({ limit: 3 })).toEqual(['7 8 9', true]);
      expect(await page({ limit: 3, before: idOf(7) })).toEqual(['4 5 6', true]);
      expect(await page({ limit: 3, before: idOf(4) })).toEqual(['1 2 3', false]);
      expect(await page({ limit: 3, after: idOf(4) })).toEqual(['5 6 7', true]);
      expect(await page({ limit: 3, after: idOf(7) })).toEqual(['8 9', false]);
      expect(await page({ after: idOf(2), before: idOf(5) })).toEqual(['3 4', false]);
      expect(await page({ after: idOf(5), before: idOf(2) })).toEqual(['', false]);
    });

    test('a cursor that was deleted still says where it was, and so does any other', async () => {
      const { chat, say, page } = await setUp();
      for (const n of [1, 2, 3, 4]) await say(n);
      await chat.remove(place, idOf(2));
      expect(await page({ after: idOf(2) })).toEqual(['3 4', false]);
      expect(await page({ before: idOf(2) })).toEqual(['1', false]);
      expect(await page({ before: '0' })).toEqual(['', false]);
      expect(await page({ after: `${idOf(3)}x` })).toEqual(['4', false]);
      expect(await page({ before: `${idOf(3)}x` })).toEqual(['1 3', false]);
      expect(await page({ after: 'é💬' })).toEqual(['', false]);
      expect(await page({ after: '([+-' })).toEqual(['1 3 4', false]);
    });

    test('private messages are shown to their readers only', async () => {
      const { chat, say, page } = await setUp();
      await say(1);
      const secret = await say(2, ['a', 'b']);
      await say(3, ['b']);
      expect(await page({}, 'a')).toEqual(['1 2', false]);
      expect(await page({}, 'b')).toEqual(['1 2 3', false]);
      expect(await page({}, 'c')).toEqual(['1', false]);
      expect(await chat.get(place, idOf(2), 'b')).toStrictEqual(secret);
      expect(await chat.get(place, idOf(2), 'c')).toBeUndefined();
      expect(await chat.get(place, idOf(9), 'a')).toBeUndefined();
      expect(await chat.get({ ...place, channel: 'zoom' }, idOf(2), 'b')).toBeUndefined();
    });

    test('nobody reads in another’s name, whatever it holds', async () => {
      const { chat, say } = await setUp();
      const names = ['a', ',', '","', '"', '\\', '\t', '\n', '\t"a"\t', 'é💬', '', ' ', '%a', '.', 'a b'];
      await say(1, ['a', 'b']);
      for (const [n, userId] of names.entries()) await say(n + 2, [userId, 'someone']);
      for (const [n, userId] of names.entries()) {
        const { messages } = await chat.page(place, userId, { limit: 100 });
        const own = userId === 'a' ? [idOf(1), idOf(2)] : [idOf(n + 2)];
        expect(messages.map(({ messageId }) => messageId)).toEqual(own);
        expect((await chat.get(place, idOf(n + 2), userId))?.readers).toEqual(new Set([userId, 'someone']));
      }
    });

    test('a page is full where there is enough, however much is hidden in between', async () => {
      const { say, page } = await setUp();
      // Also where a store that reads 64 at once ends a step, forwards and backwards.
      const shown = [5, 64, 337, 385];
      for (let n = 1; n <= 400; n += 1) await say(n, shown.includes(n) ? undefined : ['b']);
      expect(await page({ limit: 2 })).toEqual(['337 385', true]);
      expect(await page({ limit: 3 })).toEqual(['64 337 385', true]);
      expect(await page({ limit: 4 })).toEqual(['5 64 337 385', false]);
      expect(await page({ limit: 3, after: idOf(0) })).toEqual(['5 64 337', true]);
    });

    test('a page is cut at 32 KiB, and has at least one message', async () => {
      const { chat, say } = await setUp();
      for (let n = 1; n <= 12; n += 1) await say(n, undefined, place, '💬'.repeat(4000));
      const newest = await chat.page(place, 'a', { limit: 100 });
      expect([newest.messages.length, newest.messages.at(-1)?.messageId, newest.more]).toEqual([
        2,
        idOf(12),
        true,
      ]);
      await say(13, undefined, place, 'x'.repeat(40_000));
      await say(14, undefined, place, 'x'.repeat(40_000));
      expect((await chat.page(place, 'a', { limit: 100 })).messages.length).toBe(1);
      expect((await chat.page(place, 'a', { limit: 100, after: idOf(13) })).more).toBe(false);
      expect((await chat.page(place, 'a', { limit: 100, after: idOf(12) })).more).toBe(true);
    });
  });

  describe(`${name}: changes`, () => {
    test('an edit leaves a message in its place and to its readers; what has gone stays gone', async () => {
      const { chat, say, page } = await setUp();
      const [, second] = [await say(1), await say(2, ['a', 'b']), await say(3)];
      const edited = { ...second.entry, text: 'edited', editedAt: second.entry.sentAt };
      expect(await chat.replace(place, edited)).toBe(true);
      expect(await page()).toEqual(['1 edited 3', false]);
      expect(await page({}, 'c')).toEqual(['1 3', false]);
      expect(await chat.get(place, idOf(2), 'b')).toStrictEqual({ ...second, entry: edited });
      expect(await chat.remove(place, idOf(2))).toBe(true);
      expect(await chat.remove(place, idOf(2))).toBe(false);
      expect(await chat.replace(place, edited)).toBe(false);
      expect(await chat.get(place, idOf(2), 'b')).toBeUndefined();
      expect(await page()).toEqual(['1 3', false]);
    });

    test('of two who remove the same message one has done it', async () => {
      const { chat, say } = await setUp();
      await say(1);
      const removed = await Promise.all([chat.remove(place, idOf(1)), chat.remove(place, idOf(1))]);
      expect(removed.toSorted()).toEqual([false, true]);
    });

    test('a closed room forgets, in one channel or in all', async () => {
      const { chat, say, page } = await setUp();
      const zoom: Place = { ...place, channel: 'zoom' };
      const other = { ...place, roomId: 'other' };
      for (const where of [place, zoom, other]) await say(1, undefined, where);
      await chat.clear('r', 'chat');
      expect([await page(), await page({}, 'a', zoom)]).toEqual([
        ['', false],
        ['1', false],
      ]);
      await chat.clear('r');
      expect([await page({}, 'a', zoom), await page({}, 'a', other)]).toEqual([
        ['', false],
        ['1', false],
      ]);
    });
  });

  describe(`${name}: bounds`, () => {
    test('so many messages of a room', async () => {
      const { chat, say, page } = await setUp({ maxMessages: 3 });
      for (let n = 1; n <= 9; n += 1) await say(n);
      expect(await page()).toEqual(['7 8 9', false]);
      expect(await chat.get(place, idOf(6), 'a')).toBeUndefined();
      await chat.remove(place, idOf(8));
      await say(10);
      expect(await page()).toEqual(['7 9 10', false]);
    });

    test('none at all, by either bound', async () => {
      for (const bounds of [{ maxMessages: 0 }, { maxAgeMs: 0 }]) {
        const { say, page } = await setUp(bounds);
        await say(1);
        expect(await page()).toEqual(['', false]);
      }
    });

    test('so old, and no older', async () => {
      const { chat, clock, say, page } = await setUp({ maxAgeMs: 100 * minuteMs });
      const first = await say(1);
      clock.nowMs += 60 * minuteMs;
      await say(2);
      clock.nowMs += 40 * minuteMs - 1;
      expect(await page()).toEqual(['1 2', false]);
      clock.nowMs += 1;
      expect(await chat.get(place, idOf(1), 'a')).toBeUndefined();
      expect(await chat.replace(place, first.entry)).toBe(false);
      expect(await chat.remove(place, idOf(1))).toBe(false);
      expect(await page()).toEqual(['2', false]);
      clock.nowMs += 60 * minuteMs;
      expect(await page()).toEqual(['', false]);
    });
  });
}
