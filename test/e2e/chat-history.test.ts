import { expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import { join, type TestSocket, valueAt } from '../support/socket.ts';

async function say(socket: TestSocket, text: string, more: object = {}): Promise<string> {
  return String(valueAt((await socket.ask('chat.send', { text, ...more })).payload, 'result', 'messageId'));
}

async function history(socket: TestSocket, request: object = {}): Promise<unknown[]> {
  const { payload } = await socket.ask('chat.history', request);
  const messages = valueAt(payload, 'messages');
  return [
    Array.isArray(messages) ? messages.map((message) => valueAt(message, 'text')) : messages,
    payload.more,
  ];
}

test('who comes later reads what was said, in pages; private messages only where they belong', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/chat/past', server.token({ sub: 'alice', name: 'Alice' }));
  const bob = await join(server, '/ws/chat/past', server.token({ sub: 'bob' }));
  const ids = [];
  for (const text of ['one', 'two', 'three']) ids.push(await say(alice.socket, text));
  await say(alice.socket, 'for bob', { to: [bob.clientId] });
  const carol = await join(server, '/ws/chat/past', server.token({ sub: 'carol' }));
  expect(await history(carol.socket)).toEqual([['one', 'two', 'three'], false]);
  expect(await history(carol.socket, { limit: 2 })).toEqual([['two', 'three'], true]);
  expect(await history(carol.socket, { before: ids[1] })).toEqual([['one'], false]);
  const bobsOtherTab = await join(server, '/ws/chat/past', server.token({ sub: 'bob' }));
  expect(await history(bobsOtherTab.socket, { after: ids[1] })).toEqual([['three', 'for bob'], false]);
  const { payload } = await carol.socket.ask('chat.history', { limit: 1, before: ids[1] });
  expect(valueAt(payload, 'messages', 0)).toMatchObject({
    messageId: ids[0],
    from: alice.clientId,
    userId: 'alice',
    presenterName: 'Alice',
    private: false,
  });
  const elsewhere = await join(server, '/ws/zoom/past', server.token({ sub: 'carol' }));
  expect(await history(elsewhere.socket)).toEqual([[], false]);
});

test('an author edits and deletes, a host deletes; all who have the message hear of it', async () => {
  const server = await startServer();
  const host = await join(server, '/ws/chat/edit', server.token({ sub: 'host' }));
  const author = await join(server, '/ws/chat/edit', server.token({ sub: 'author' }));
  const other = await join(server, '/ws/chat/edit', server.token({ sub: 'other' }));
  const messageId = await say(author.socket, 'helo');

  expect((await host.socket.ask('chat.edit', { messageId, text: 'x' })).payload.code).toBe('not_allowed');
  const secondTab = await join(server, '/ws/chat/edit', server.token({ sub: 'author' }));
  await secondTab.socket.ask('chat.edit', { messageId, text: 'hello' });
  for (const { socket } of [host, author, other, secondTab]) {
    expect(await socket.next('chat.edited')).toMatchObject({
      from: secondTab.clientId,
      payload: { messageId, text: 'hello', editedAt: expect.any(String) },
    });
  }
  expect(await history(other.socket)).toEqual([['hello'], false]);

  expect((await other.socket.ask('chat.delete', { messageId })).payload.code).toBe('not_allowed');
  await host.socket.ask('chat.delete', { messageId });
  expect((await other.socket.next('chat.deleted')).payload).toEqual({ messageId });
  expect(await history(other.socket)).toEqual([[], false]);
  expect((await author.socket.ask('chat.delete', { messageId })).payload.code).toBe('message_not_found');
});

test('what becomes of a private message is told to those who have it', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/zoom/secret', server.token({ sub: 'alice' }));
  const bob = await join(server, '/ws/zoom/secret', server.token({ sub: 'bob' }));
  const host = await join(server, '/ws/zoom/secret', server.token({ sub: 'host', host: true }));
  const messageId = await say(alice.socket, 'psst', { to: [bob.clientId] });
  expect((await host.socket.ask('chat.delete', { messageId })).payload.code).toBe('message_not_found');
  await alice.socket.ask('chat.edit', { messageId, text: 'psst!' });
  expect((await bob.socket.next('chat.edited')).payload.text).toBe('psst!');
  await alice.socket.ask('chat.delete', { messageId });
  await bob.socket.next('chat.deleted');
  await host.socket.ask('presence.list');
  expect(host.socket.frames.filter(({ type }) => type.startsWith('chat.'))).toEqual([]);
});

test('typing is told to the others, and never answered', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/chat/typing', server.token());
  const bob = await join(server, '/ws/chat/typing', server.token());
  alice.socket.send({ type: 'chat.typing', payload: { state: 'start' } });
  expect(await bob.socket.next('chat.typing')).toMatchObject({
    from: alice.clientId,
    payload: { state: 'start' },
  });
  await alice.socket.ask('presence.list');
  expect(alice.socket.frames.map(({ type }) => type)).not.toContain('chat.typing');
});

test('what was said outlives the room, but not its closing', async () => {
  const server = await startServer({ CHAT_HISTORY_MESSAGES: '2' });
  const first = await join(server, '/ws/chat/kept', server.token());
  for (const text of ['1', '2', '3']) await say(first.socket, text);
  await first.socket.ask('session.leave');
  const second = await join(server, '/ws/chat/kept', server.token());
  expect(await history(second.socket)).toEqual([['2', '3'], false]);
  await second.socket.ask('room.close');
  await second.socket.closed;
  const third = await join(server, '/ws/chat/kept', server.token());
  expect(await history(third.socket)).toEqual([[], false]);
});

test('closing a room forgets what was said in all its channels, also where nobody is any more', async () => {
  const server = await startServer();
  const gone = await join(server, '/ws/chat/over', server.token());
  await say(gone.socket, 'secret');
  await gone.socket.ask('session.leave');
  await join(server, '/ws/zoom/over', server.token());
  await fetch(`${server.url}/api/connections/rooms/over/close`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${server.token({ scope: 'rooms:close' })}` },
  });
  const next = await join(server, '/ws/chat/over', server.token());
  expect(await history(next.socket)).toEqual([[], false]);
});
