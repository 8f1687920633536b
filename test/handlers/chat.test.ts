import { expect, test } from 'vitest';
import { behind, openRooms, unnumbered, unreachable } from '../support/domain.ts';

test('where the store answers at once, so do the handlers', () => {
  const { join, chat } = openRooms();
  const { connection, told } = join('author');
  const sent = chat['chat.send'](connection, { text: 'hi' }, unnumbered);
  if (sent instanceof Promise) throw new Error('nothing is to be waited for');
  const { messageId } = sent;
  expect(chat['chat.edit'](connection, { messageId, text: 'hello' }, unnumbered)).toBeUndefined();
  expect(chat['chat.history'](connection, {})).toMatchObject({ messages: [{ text: 'hello' }] });
  expect(chat['chat.delete'](connection, { messageId }, unnumbered)).toBeUndefined();
  expect(told).toEqual(['chat.message', 'chat.edited', 'chat.deleted']);
});

test('a message is told and acknowledged when it is in the history, and not before', async () => {
  const gate = Promise.withResolvers<void>();
  const { history } = openRooms();
  const { join, chat } = openRooms({ history: behind(history, () => gate.promise) });
  const { connection, told } = join('author');
  const sent = chat['chat.send'](connection, { text: 'hi' }, unnumbered);
  expect([told, sent]).toEqual([[], expect.any(Promise)]);
  gate.resolve();
  const { messageId } = await sent;
  expect(told).toEqual(['chat.message']);
  expect(await history.get(connection, messageId, 'author')).toBeDefined();
});

test('of who is put out before its message is kept, nobody hears it, and nobody reads it later', async () => {
  const gate = Promise.withResolvers<void>();
  const { history } = openRooms();
  const { join, chat, membership } = openRooms({ history: behind(history, () => gate.promise) });
  const { connection } = join('author');
  const other = join('other');
  const sent = chat['chat.send'](connection, { text: 'hi' }, unnumbered);
  await membership.leave(connection, 'kicked');
  gate.resolve();
  await expect(sent).rejects.toMatchObject({ code: 'not_allowed' });
  expect(other.told).not.toContain('chat.message');
  expect(await history.page(connection, 'other', { limit: 9 })).toEqual({ messages: [], more: false });
});

test('what cannot be stored is told to nobody', async () => {
  const { history } = openRooms();
  const { join, chat } = openRooms({ history: behind(history, unreachable) });
  const { connection, told } = join('author');
  await expect(chat['chat.send'](connection, { text: 'hi' }, unnumbered)).rejects.toThrow('no store');
  await expect(chat['chat.edit'](connection, { messageId: 'm', text: 'x' }, unnumbered)).rejects.toThrow(
    'no store',
  );
  await expect(chat['chat.delete'](connection, { messageId: 'm' }, unnumbered)).rejects.toThrow('no store');
  expect(told).toEqual([]);
});

test('where another node was faster, nobody is told of a message that has gone', async () => {
  const { history } = openRooms();
  const { join, chat } = openRooms({ history: behind(history, async () => {}) });
  const { connection, told } = join('author');
  const { messageId } = await chat['chat.send'](connection, { text: 'hi' }, unnumbered);
  const changes = [
    chat['chat.delete'](connection, { messageId }, unnumbered),
    chat['chat.delete'](connection, { messageId }, unnumbered),
    chat['chat.edit'](connection, { messageId, text: 'hello' }, unnumbered),
  ];
  const gone = { status: 'rejected', reason: { code: 'message_not_found' } };
  expect(await Promise.allSettled(changes)).toMatchObject([{ status: 'fulfilled' }, gone, gone]);
  expect(told).toEqual(['chat.message', 'chat.deleted']);
});
