import { expect, test } from 'vitest';
import { type DiskChatStore, openChatStore } from '../../src/disk/disk-chat-store.ts';
import { chatOrderSuite } from '../rooms/chat-order-suite.ts';
import { idOf, messageOf, place } from '../rooms/chat-store-suite.ts';
import { newDirectory } from '../support/directory.ts';
import { atScopeEnd } from '../support/scope.ts';

const usual = { maxMessages: 500, maxAgeMs: 86_400_000 };

async function open(dir = newDirectory(), bounds = usual, now = Date.now) {
  const clock = { now, later: () => {} };
  const chat = await openChatStore(dir, { ...bounds, maxBytes: 100_000_000 }, () => {}, clock);
  atScopeEnd(() => chat.stop());
  return chat;
}

chatOrderSuite('DiskChatStore', (bounds, clock) => open(newDirectory(), bounds, () => clock.nowMs));

test('after a restart new messages come after all that were ever told, also by a clock that was set back', async () => {
  const dir = newDirectory();
  const chat = await open(dir);
  const now = Date.now();
  const keep = (store: DiskChatStore, n: number, at: number) =>
    store.append(place, messageOf(n, now, undefined, `${n}`, at));
  const first = await keep(chat, 1, now);
  await chat.remove(place, first.messageId);
  await chat.clear('r');
  await chat.stop();
  const second = await open(dir);
  const next = await keep(second, 2, now - 300_000);
  expect(next.messageId > first.messageId).toBe(true);
  await second.stop();
  const third = await open(dir);
  expect((await keep(third, 3, now - 300_000)).messageId > next.messageId).toBe(true);
  const { messages } = await third.page(place, 'a', { limit: 9, after: first.messageId });
  expect(messages.map(({ text }) => text)).toEqual(['2', '3']);
});

test('what is told of a message has the id that it is kept by', async () => {
  const chat = await open();
  const told: string[] = [];
  for (const at of [5, 1, 6]) {
    const message = messageOf(at, 0, undefined, 'x', at === 1 ? 0 : at);
    const frame = { text: JSON.stringify(message.entry), volatile: false };
    const tellHere = ({ text } = frame) => void told.push(JSON.parse(text).messageId);
    const { messageId } = await chat.append(place, message, {
      tellHere,
      message: { kind: 'announce', frame },
    });
    expect(told.at(-1)).toBe(messageId);
  }
  expect(told).toEqual([idOf(5), expect.stringContaining('-7001-'), idOf(6)]);
});
