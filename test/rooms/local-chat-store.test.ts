import { expect, test } from 'vitest';
import type { HistoryBounds } from '../../src/rooms/chat-store.ts';
import { LocalChatStore } from '../../src/rooms/local-chat-store.ts';
import { chatOrderSuite } from './chat-order-suite.ts';
import { type Clock, chatStoreSuite, messageOf, place } from './chat-store-suite.ts';

const create = (bounds: HistoryBounds, clock: Clock) =>
  new LocalChatStore({ ...bounds, maxTotal: 50_000 }, () => clock.nowMs);

chatStoreSuite('LocalChatStore', create);
chatOrderSuite('LocalChatStore', create);

test('so many of all rooms: those that were silent longest go first', () => {
  const chat = new LocalChatStore({ maxMessages: 500, maxAgeMs: 1_000, maxTotal: 4 }, () => 0);
  const rooms = ['x', 'y', 'x', 'z', 'x'];
  for (const [n, roomId] of rooms.entries()) chat.append({ ...place, roomId }, messageOf(n + 1, 0));
  const said = (roomId: string) => {
    const { messages } = chat.page({ ...place, roomId }, 'a', { limit: 100 });
    return messages.map(({ text }) => text).join(' ');
  };
  expect(['x', 'y', 'z'].map(said)).toEqual(['1 3 5', '', '4']);
});
