import { expect, test } from 'vitest';
import { adminClient, ConnectionClosed, connect, Refused } from '../../src/client/index.ts';
import { startServer } from '../support/server.ts';

test('ten lines with signalbox/client join, offer, chat and kick', async () => {
  // The package as it ships: `signalbox/client` is what its exports say, in dist.
  const { tenLines } = await import('./ten-lines.ts');
  const server = await startServer();
  const admin = server.token({ sub: 'root', scope: 'connections:kick' });
  const result = await tenLines(server.url, server.token({ sub: 'a' }), server.token({ sub: 'b' }), admin);
  expect(result).toBe('36 Client disconnected 4500');
});

test('a refused message rejects with its code and a pointer to the fault', async () => {
  const server = await startServer();
  const room = await connect({ url: server.url, channel: 'chat', roomId: 'sdk', token: server.token() });
  const error = await room.chat.send({ text: '' }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Refused);
  expect(error).toMatchObject({
    code: 'invalid_message',
    retryable: false,
    errors: [{ pointer: '/payload/text' }],
  });
  await expect(room.signal.hangup({ to: 'client_x' })).rejects.toMatchObject({ code: 'not_allowed' });
  await room.session.leave({});
  expect(await room.closed).toMatchObject({ closeCode: 1000 });
  await expect(room.chat.send({ text: 'late' })).rejects.toBeInstanceOf(ConnectionClosed);
});

test('answers with a payload of their own resolve with it; listeners end when told', async () => {
  const server = await startServer();
  const room = await connect({ url: server.url, channel: 'chat', roomId: 'sdk', token: server.token() });
  expect(await room.session.ping({ t: 3 })).toMatchObject({ t: 3 });
  expect((await room.presence.list({})).participants).toHaveLength(1);
  const heard: string[] = [];
  const end = room.on('chat.message', ({ payload }) => heard.push(payload.text));
  await room.chat.send({ text: 'one' });
  end();
  await room.chat.send({ text: 'two' });
  await room.presence.list({});
  expect(heard).toEqual(['one']);
  room.close();
});

test('a refused upgrade rejects; pending messages reject when the connection ends', async () => {
  const server = await startServer();
  const refused = connect({ url: server.url, channel: 'chat', roomId: 'sdk', token: 'no.such.token' });
  await expect(refused).rejects.toMatchObject({ closeCode: 1006 });
  const room = await connect({ url: server.url, channel: 'chat', roomId: 'sdk', token: server.token() });
  const pending = Promise.allSettled([room.session.leave({}), room.presence.list({})]);
  expect(await pending).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { closeCode: 1000 } },
  ]);
});

test('the admin client tells a refusal from an answer', async () => {
  const server = await startServer();
  const { data, error, response } = await adminClient(server.url, server.token()).GET(
    '/api/connections/active',
  );
  expect([data, response.status, error?.code]).toEqual([undefined, 403, 'insufficient_scope']);
});
