import { describe, expect, test } from 'vitest';
import { LocalChatStore, type StoredMessage } from '../../src/rooms/chat.ts';

const place = { roomId: 'r', channel: 'chat' } as const;
const id = (n: number) => `id-${String(n).padStart(6, '0')}`;

function store(bounds: { maxMessages?: number; maxAgeMs?: number; maxTotal?: number } = {}) {
  const clock = { now: 1_000 };
  const chat = new LocalChatStore(
    { maxMessages: 500, maxAgeMs: 86_400_000, maxTotal: 50_000, ...bounds },
    () => clock.now,
  );
  const say = (n: number, readers?: string[], roomId = 'r', text = `${n}`): StoredMessage => {
    const entry = {
      messageId: id(n),
      from: 'client_a',
      userId: 'a',
      presenterName: 'A',
      text,
      private: readers !== undefined,
      sentAt: new Date(clock.now).toISOString(),
    };
    const message = { entry, readers: readers && new Set(readers), sentAt: clock.now };
    chat.append({ ...place, roomId }, message);
    return message;
  };
  const page = (
    request: { before?: string; after?: string; limit?: number } = {},
    userId = 'a',
    roomId = 'r',
  ) => {
    const { messages, more } = chat.page({ ...place, roomId }, userId, { limit: 100, ...request });
    return [messages.map(({ text }) => text).join(' '), more];
  };
  return { chat, clock, say, page };
}

describe('pages', () => {
  test('the newest, before one, after one, and between two: always oldest first', () => {
    const { say, page } = store();
    for (let n = 1; n <= 9; n += 1) say(n);
    expect(page()).toEqual(['1 2 3 4 5 6 7 8 9', false]);
    expect(page({ limit: 3 })).toEqual(['7 8 9', true]);
    expect(page({ limit: 3, before: id(7) })).toEqual(['4 5 6', true]);
    expect(page({ limit: 3, before: id(4) })).toEqual(['1 2 3', false]);
    expect(page({ limit: 3, after: id(4) })).toEqual(['5 6 7', true]);
    expect(page({ limit: 3, after: id(7) })).toEqual(['8 9', false]);
    expect(page({ after: id(2), before: id(5) })).toEqual(['3 4', false]);
  });

  test('a cursor that was deleted still says where it was', () => {
    const { chat, say, page } = store();
    const messages = [1, 2, 3, 4].map((n) => say(n));
    chat.remove(place, messages[1] as StoredMessage);
    expect(page({ after: id(2) })).toEqual(['3 4', false]);
  });

  test('private messages are shown to their readers only', () => {
    const { chat, say, page } = store();
    say(1);
    const secret = say(2, ['a', 'b']);
    say(3, ['b']);
    expect(page({}, 'a')).toEqual(['1 2', false]);
    expect(page({}, 'b')).toEqual(['1 2 3', false]);
    expect(page({}, 'c')).toEqual(['1', false]);
    expect(chat.get(place, id(2), 'b')).toBe(secret);
    for (const [messageId, userId] of [
      [id(2), 'c'],
      [id(9), 'a'],
    ] as const) {
      expect(() => chat.get(place, messageId, userId)).toThrow(
        expect.objectContaining({ code: 'message_not_found' }),
      );
    }
  });

  test('a page is cut at 32 KiB, and has at least one message', () => {
    const { chat, say } = store();
    for (let n = 1; n <= 12; n += 1) say(n, undefined, 'r', '💬'.repeat(4000));
    const { messages, more } = chat.page(place, 'a', { limit: 100 });
    expect([messages.length, messages.at(-1)?.messageId, more]).toEqual([2, id(12), true]);
  });
});

describe('bounds', () => {
  test('so many messages of a room', () => {
    const { say, page } = store({ maxMessages: 3 });
    for (let n = 1; n <= 9; n += 1) say(n);
    expect(page()).toEqual(['7 8 9', false]);
  });

  test('so old, and no older', () => {
    const { clock, say, page } = store({ maxAgeMs: 100 });
    say(1);
    clock.now += 60;
    say(2);
    clock.now += 40;
    expect(page()).toEqual(['2', false]);
    clock.now += 60;
    expect(page()).toEqual(['', false]);
  });

  test('so many of all rooms: those that were silent longest go first', () => {
    const { say, page } = store({ maxTotal: 4 });
    for (const [n, roomId] of [
      [1, 'x'],
      [2, 'y'],
      [3, 'x'],
      [4, 'z'],
      [5, 'x'],
    ] as const)
      say(n, undefined, roomId);
    expect(['x', 'y', 'z'].map((roomId) => page({}, 'a', roomId)[0])).toEqual(['1 3 5', '', '4']);
  });

  test('a closed room forgets', () => {
    const { chat, say, page } = store();
    say(1);
    chat.clear(place);
    expect(page()).toEqual(['', false]);
  });
});
