import { describe, expect, test } from 'vitest';
import type { ChatStore, HistoryBounds, PageRequest } from '../../src/rooms/chat-store.ts';
import { type Clock, idOf, messageOf, place } from './chat-store-suite.ts';

const start = Date.UTC(2026, 0, 1);

/**
 * The cases that every `ChatStore` passes, about the order of messages.
 *
 * @param create as for `chatStoreSuite`
 */
export function chatOrderSuite(
  name: string,
  create: (bounds: HistoryBounds, clock: Clock) => ChatStore | Promise<ChatStore>,
): void {
  async function setUp(maxMessages = 500) {
    const chat = await create({ maxMessages, maxAgeMs: 86_400_000 }, { nowMs: start });
    const page = async (request: Partial<PageRequest> = {}) => {
      const { messages, more } = await chat.page(place, 'a', { limit: 100, ...request });
      return [messages.map(({ text }) => text).join(' '), more];
    };
    return { chat, page };
  }

  describe(`${name}: order`, () => {
    const isId = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8000-(\d{12})$/;

    test('what is kept later has the greater id, whatever the clock says, and whatever has gone', async () => {
      const { chat, page } = await setUp(6);
      const ids: string[] = [];
      const keep = async (at: number) => {
        const message = messageOf(ids.length, start, undefined, `${ids.length}`, at);
        const { messageId, sentAt } = await chat.append(place, message);
        expect([sentAt, messageId]).toEqual([message.entry.sentAt, expect.stringMatching(isId)]);
        expect(Number(isId.exec(messageId)?.[1])).toBe(ids.length);
        const entry = { ...message.entry, messageId };
        expect(await chat.get(place, messageId, 'a')).toStrictEqual({ ...message, entry });
        ids.push(messageId);
      };
      for (const at of [start, start, start + 5_000, start, start - 300_000, start + 5_000]) await keep(at);
      expect(ids).toEqual(ids.toSorted());
      expect(await page()).toEqual(['0 1 2 3 4 5', false]);
      expect(await page({ after: ids[2] ?? '' })).toEqual(['3 4 5', false]);
      expect(await page({ before: ids[2] ?? '' })).toEqual(['0 1', false]);

      for (const messageId of ids.slice(1)) expect(await chat.remove(place, messageId)).toBe(true);
      await keep(start);
      expect(await page({ after: ids[5] ?? '' })).toEqual(['6', false]);
      await chat.clear('r');
      await keep(start);
      expect(await page({ after: ids[6] ?? '' })).toEqual(['7', false]);
      await chat.clear('r', 'chat');
      await keep(start + 60_000);
      expect(ids.at(-1)).toBe(idOf(8, start + 60_000));
      expect(ids).toEqual(ids.toSorted());
    });

    test('a message is found by the id that it is kept by, and by no other', async () => {
      const { chat, page } = await setUp();
      await chat.append(place, messageOf(1, start));
      const late = messageOf(2, start, undefined, '2', 0);
      const { messageId } = await chat.append(place, late);
      expect(messageId).not.toBe(late.entry.messageId);
      for (const other of [late.entry.messageId, idOf(2, 3)]) {
        expect(await chat.get(place, other, 'a')).toBeUndefined();
        expect(await chat.replace(place, { ...late.entry, messageId: other, text: 'x' })).toBe(false);
        expect(await chat.remove(place, other)).toBe(false);
      }
      expect(await chat.replace(place, { ...late.entry, messageId, text: 'edited' })).toBe(true);
      expect(await page()).toEqual(['1 edited', false]);
      expect(await chat.remove(place, messageId)).toBe(true);
      expect(await page()).toEqual(['1', false]);
    });

    test('more ids than there are in a millisecond go on in the next', async () => {
      const { chat } = await setUp();
      const last = '0199c9f0-ffff-7ffe-8000-000000000001';
      const { entry, ...rest } = messageOf(1, start);
      await chat.append(place, { ...rest, entry: { ...entry, messageId: last } });
      const kept = [
        await chat.append(place, messageOf(2, start)),
        await chat.append(place, messageOf(3, start)),
      ];
      expect(kept.map(({ messageId }) => messageId)).toEqual([
        '0199c9f0-ffff-7fff-8000-000000000002',
        '0199c9f1-0000-7000-8000-000000000003',
      ]);
    });

    test('of many at once by different clocks each has its own place', async () => {
      const { chat } = await setUp();
      const order: string[] = [];
      const numbers = Array.from({ length: 150 }, (_, n) => n);
      await Promise.all(
        numbers.map(async (n) => {
          const message = messageOf(n, start, undefined, `${n}`, start + (n % 2 === 0 ? 5_000 : n));
          order.push((await chat.append(place, message)).messageId);
        }),
      );
      expect(new Set(order).size).toBe(150);
      expect(order).toEqual(order.toSorted());
      const page = await chat.page(place, 'a', { limit: 150 });
      expect(page.messages.map(({ messageId }) => messageId)).toEqual(order);
    });
  });
}
