import { expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

test('a message reaches everybody and its sender, in the same bytes, and is acked with its id', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/chat/ABC123', server.token({ sub: 'alice', name: 'Alice' }));
  const bob = await join(server, '/ws/chat/ABC123', server.token({ sub: 'bob' }));
  const ack = await alice.socket.ask('chat.send', { text: 'Hello 👋', replyTo: 'an earlier one' });
  const { messageId, sentAt } = ack.payload.result as { messageId: string; sentAt: string };
  const heard = await bob.socket.next('chat.message');
  expect(heard).toEqual({
    type: 'chat.message',
    ts: expect.any(Number),
    from: alice.clientId,
    payload: {
      messageId,
      sentAt,
      text: 'Hello 👋',
      replyTo: 'an earlier one',
      userId: 'alice',
      presenterName: 'Alice',
      private: false,
    },
  });
  await alice.socket.next('chat.message');
  const inBytes = ({ texts }: { texts: string[] }) => texts.find((text) => text.includes('chat.message'));
  expect(inBytes(alice.socket)).toBe(inBytes(bob.socket));
});

test('ids of messages sort by the time at which they were sent', async () => {
  const server = await startServer({ MESSAGE_BUDGET_SCALE: '10' });
  const { socket } = await join(server, '/ws/chat/sort', server.token());
  for (let n = 0; n < 50; n += 1) socket.send({ type: 'chat.send', payload: { text: `${n}` } });
  const ids: string[] = [];
  for (let n = 0; n < 50; n += 1) ids.push(String((await socket.next('chat.message')).payload.messageId));
  expect(ids).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(50);
});

test('a private message reaches exactly its addressees and its sender', async () => {
  const server = await startServer();
  const [alice, bob, carol] = [
    await join(server, '/ws/zoom/private', server.token({ sub: 'alice' })),
    await join(server, '/ws/zoom/private', server.token({ sub: 'bob' })),
    await join(server, '/ws/zoom/private', server.token({ sub: 'carol' })),
  ];
  await alice.socket.ask('chat.send', { text: 'psst', to: [bob.clientId, bob.clientId] });
  expect((await bob.socket.next('chat.message')).payload).toMatchObject({ text: 'psst', private: true });
  expect((await alice.socket.next('chat.message')).payload).toMatchObject({ private: true });
  await alice.socket.ask('chat.send', { text: 'to all' });
  expect((await carol.socket.next('chat.message')).payload.text).toBe('to all');
  expect((await bob.socket.next('chat.message')).payload.text).toBe('to all');
  expect(bob.socket.frames.filter(({ type }) => type === 'chat.message')).toHaveLength(2);
});

test('one unknown addressee refuses the whole message', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/chat/whole', server.token());
  const bob = await join(server, '/ws/chat/whole', server.token());
  const refused = await alice.socket.ask('chat.send', { text: 'psst', to: [bob.clientId, 'client_gone'] });
  expect(refused.payload).toMatchObject({ code: 'peer_not_found' });
  await alice.socket.ask('chat.send', { text: 'after' });
  expect((await bob.socket.next('chat.message')).payload.text).toBe('after');
});

test('the text is bounded in characters, not in bytes', async () => {
  const server = await startServer();
  const { socket } = await join(server, '/ws/chat/long', server.token());
  expect((await socket.ask('chat.send', { text: '😀'.repeat(4000) })).type).toBe('ack');
  for (const text of ['😀'.repeat(4001), '']) {
    const { payload } = await socket.ask('chat.send', { text });
    expect(payload).toMatchObject({ code: 'invalid_message', errors: [{ pointer: '/payload/text' }] });
  }
});
