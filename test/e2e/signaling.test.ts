import { expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

const candidate = {
  candidate: 'candidate:1 1 udp 2122260223 192.0.2.1 61665 typ host',
  sdpMid: '0',
  sdpMLineIndex: 0,
  usernameFragment: 'Kx3f',
};

test('two clients exchange offer, answer and candidates; the receiver sees the true sender', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/zoom/ABC123', server.token({ sub: 'alice' }));
  const bob = await join(server, '/ws/zoom/ABC123', server.token({ sub: 'bob' }));
  const onlooker = await join(server, '/ws/chat/ABC123', server.token({ sub: 'carol' }));

  const offer = { type: 'signal.offer', id: 'm1', payload: { to: alice.clientId, sdp: 'v=0\r\noffer' } };
  bob.socket.send(offer);
  expect(await bob.socket.next()).toMatchObject({ type: 'ack', replyTo: 'm1', payload: {} });
  expect(await alice.socket.next('signal.offer')).toEqual({
    type: 'signal.offer',
    ts: expect.any(Number),
    from: bob.clientId,
    payload: { sdp: 'v=0\r\noffer' },
  });

  await alice.socket.ask('signal.answer', { to: bob.clientId, sdp: 'v=0\r\nanswer' });
  expect(await bob.socket.next()).toMatchObject({
    type: 'signal.answer',
    from: alice.clientId,
    payload: { sdp: 'v=0\r\nanswer' },
  });

  const end = { candidate: '', sdpMid: null, sdpMLineIndex: null, usernameFragment: null };
  await bob.socket.ask('signal.candidate', { to: alice.clientId, candidates: [candidate, end] });
  expect((await alice.socket.next('signal.candidate')).payload).toEqual({ candidates: [candidate, end] });

  await bob.socket.ask('signal.hangup', { to: alice.clientId, reason: 'busy' });
  expect(await alice.socket.next('signal.hangup')).toMatchObject({
    from: bob.clientId,
    payload: { reason: 'busy' },
  });

  // The third, in another channel of the same room, has had nothing but its welcome.
  onlooker.socket.send({ type: 'session.ping', payload: { t: 7 } });
  expect((await onlooker.socket.next()).type).toBe('session.pong');
});

test('application data goes to one peer, or to everybody but the sender', async () => {
  const server = await startServer();
  const clients = await Promise.all([1, 2, 3].map(() => join(server, '/ws/chat/data', server.token())));
  const [a, b, c] = clients;
  if (!a || !b || !c) throw new Error('three clients joined');
  const data = { deep: [1, null, { x: 'ü' }] };
  await a.socket.ask('signal.data', { topic: 'board', data });
  for (const { socket } of [b, c]) {
    expect(await socket.next('signal.data')).toMatchObject({
      from: a.clientId,
      payload: { topic: 'board', data },
    });
  }
  await a.socket.ask('signal.data', { to: c.clientId, topic: 'board', data: 5 });
  expect((await c.socket.next('signal.data')).payload).toEqual({ topic: 'board', data: 5 });
  await b.socket.ask('presence.list');
  expect(b.socket.frames.filter(({ type }) => type === 'signal.data')).toHaveLength(1);
  expect(a.socket.frames.filter(({ type }) => type === 'signal.data')).toHaveLength(0);
});

test('a frame that names its sender is refused, and reaches nobody', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/zoom/ABC123', server.token());
  const bob = await join(server, '/ws/zoom/ABC123', server.token());
  await alice.socket.next('presence.joined');
  const payload = { to: alice.clientId, sdp: 'v=0' };
  bob.socket.send({ type: 'signal.offer', id: 'm1', from: alice.clientId, payload });
  expect(await bob.socket.next()).toMatchObject({
    type: 'error',
    replyTo: 'm1',
    payload: { code: 'invalid_message', retryable: false, errors: [{ pointer: '/from' }] },
  });
  await bob.socket.ask('signal.offer', payload);
  expect((await alice.socket.next()).type).toBe('signal.offer');
  expect(alice.socket.frames.filter(({ type }) => type === 'signal.offer')).toHaveLength(1);
});

test('a peer of nowhere, of another room, of another channel and oneself are answered alike', async () => {
  const server = await startServer();
  const self = await join(server, '/ws/zoom/here', server.token());
  const others = await Promise.all(
    ['/ws/zoom/there', '/ws/screenshare/here'].map((path) => join(server, path, server.token())),
  );
  const answers = [];
  for (const to of ['client_unknown', self.clientId, ...others.map(({ clientId }) => clientId)]) {
    const { payload } = await self.socket.ask('signal.offer', { to, sdp: 'v=0' });
    answers.push(JSON.stringify(payload).replace(to, 'ID'));
  }
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toContain('"code":"peer_not_found"');
});

test('frames of one sender arrive in the order in which they were sent, direct and announced together', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/zoom/order', server.token());
  const bob = await join(server, '/ws/zoom/order', server.token());
  const numbers = Array.from({ length: 200 }, (_, n) => n);
  for (const n of numbers) {
    const to = n % 3 === 0 ? { to: alice.clientId } : {};
    bob.socket.send({ type: 'signal.data', payload: { ...to, topic: 'n', data: n } });
  }
  const seen = [];
  for (const _ of numbers) seen.push((await alice.socket.next('signal.data')).payload.data);
  expect(seen).toEqual(numbers);
});
