import request from 'supertest';
import { expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

/** A server whose clock the test turns, and which takes the jumps for no silence. */
async function startWithClock() {
  const env = { HEARTBEAT_INTERVAL_MS: '100', HEARTBEAT_TIMEOUT_MS: '1000000' };
  let offsetMs = 0;
  const now = () => Date.now() + offsetMs;
  const server = await startServer(env, { now });
  return { server, now, turn: (ms: number) => (offsetMs += ms) };
}

function tokenUntil(server: TestServer, epochMs: number, claims: Record<string, unknown> = {}): string {
  return server.token({ exp: Math.floor(epochMs / 1000), ...claims });
}

test('a ping is answered with its own time and the server’s', async () => {
  const server = await startServer();
  const { socket } = await join(server, '/ws/chat/ping', server.token());
  const before = Date.now();
  socket.send({ type: 'session.ping', payload: { t: 12.5 } });
  const { replyTo, payload } = await socket.next('session.pong');
  expect(replyTo).toBeUndefined();
  expect(payload.t).toBe(12.5);
  expect(Number(payload.serverTime)).toBeGreaterThanOrEqual(before);
});

test('leaving is acked, then the socket closes with 1000; the others hear of it once', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/zoom/leave', server.token());
  const bob = await join(server, '/ws/zoom/leave', server.token());
  expect((await bob.socket.ask('session.leave', { reason: 'done' })).type).toBe('ack');
  expect(await bob.socket.closed).toEqual({ code: 1000, reason: 'normal' });
  expect((await alice.socket.next('presence.left')).payload).toEqual({
    departures: [{ clientId: bob.clientId, reason: 'left' }],
  });
  await alice.socket.ask('presence.list');
  expect(alice.socket.frames.filter(({ type }) => type === 'presence.left')).toHaveLength(1);
});

test('a message without an id is not acked, a leave without one still leaves', async () => {
  const server = await startServer();
  const { socket } = await join(server, '/ws/zoom/silent', server.token());
  socket.send({ type: 'presence.update', payload: { handRaised: true } });
  socket.send({ type: 'session.leave', payload: {} });
  expect((await socket.closed).code).toBe(1000);
  expect(socket.frames.map(({ type }) => type)).toEqual(['session.welcome']);
});

test('the token is about to end: a warning, and 4003 thirty seconds after its end', async () => {
  const { server, now, turn } = await startWithClock();
  const expiresAt = Math.floor(now() / 1000) * 1000 + 120_000;
  const { socket, welcome } = await join(server, '/ws/chat/expiry', tokenUntil(server, expiresAt));
  expect(welcome.payload.tokenExpiresAt).toBe(new Date(expiresAt).toISOString());
  turn(expiresAt - 60_000 - now());
  expect((await socket.next('session.tokenExpiring')).payload).toEqual({
    expiresAt: new Date(expiresAt).toISOString(),
  });
  turn(expiresAt + 25_000 - now());
  expect((await socket.ask('presence.list')).type).toBe('presence.roster'); // within the skew
  turn(5_001);
  expect(await socket.closed).toEqual({ code: 4003, reason: 'token_expired' });
  expect(socket.frames.filter(({ type }) => type === 'session.tokenExpiring')).toHaveLength(1);
});

test('a refreshed token counts from then on, and is warned of anew', async () => {
  const { server, now, turn } = await startWithClock();
  const { socket } = await join(server, '/ws/chat/refresh', tokenUntil(server, now() + 30_000));
  await socket.next('session.tokenExpiring'); // at once: less than a minute is left
  const expiresAt = Math.floor(now() / 1000) * 1000 + 70_000;
  const answer = await socket.ask('session.refreshToken', { token: tokenUntil(server, expiresAt) });
  expect(answer).toMatchObject({
    type: 'session.tokenRefreshed',
    payload: { tokenExpiresAt: new Date(expiresAt).toISOString() },
  });
  turn(15_000);
  expect((await socket.next('session.tokenExpiring')).payload.expiresAt).toBe(
    new Date(expiresAt).toISOString(),
  );
});

test('a refresh is refused, and the socket stays as it was', async () => {
  const server = await startServer();
  const { socket } = await join(server, '/ws/chat/ABC123', server.token({ sub: 'alice' }));
  const refresh = async (token: string) => (await socket.ask('session.refreshToken', { token })).payload.code;
  expect(await refresh(server.token({ sub: 'mallory' }))).toBe('subject_mismatch');
  expect(await refresh(server.token({ sub: 'alice', rooms: ['other'] }))).toBe('not_allowed');
  expect(await refresh(server.token({ sub: 'alice', exp: 1 }))).toBe('token_expired');
  expect(await refresh('not.a.token')).toBe('invalid_token');
  expect((await socket.ask('chat.send', { text: 'still here' })).type).toBe('ack');
});

test('a refreshed token may make host, and take it back; an election fills the gap', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/zoom/regrant', server.token({ sub: 'alice', host: true }));
  const bob = await join(server, '/ws/zoom/regrant', server.token({ sub: 'bob' }));
  await bob.socket.ask('session.refreshToken', { token: server.token({ sub: 'bob', host: true }) });
  expect((await alice.socket.next('host.changed')).payload).toEqual({
    hosts: [alice.clientId, bob.clientId],
    reason: 'refreshed',
  });
  await alice.socket.ask('session.refreshToken', { token: server.token({ sub: 'alice' }) });
  expect((await alice.socket.next('host.changed')).payload).toEqual({
    hosts: [bob.clientId],
    reason: 'refreshed',
  });
  await bob.socket.ask('session.refreshToken', { token: server.token({ sub: 'bob' }) });
  expect((await bob.socket.next((f) => f.payload.reason === 'elected')).payload.hosts).toEqual([
    alice.clientId,
  ]);
});

test('messages that come while a refresh waits keep their order', async () => {
  const server = await startServer();
  const { socket } = await join(server, '/ws/chat/queue', server.token());
  socket.send({ type: 'session.refreshToken', id: 'r1', payload: { token: server.token() } });
  socket.send({ type: 'session.refreshToken', id: 'r2', payload: { token: server.token() } });
  for (let n = 0; n < 5; n += 1) socket.send({ type: 'presence.list', id: `l${n}`, payload: {} });
  const answers = [];
  for (let n = 0; n < 7; n += 1) answers.push((await socket.next()).replyTo);
  expect(answers).toEqual(['r1', 'r2', 'l0', 'l1', 'l2', 'l3', 'l4']);
});

test('a client that falls silent is closed with 4001 and leaves the list', async () => {
  const server = await startServer({ HEARTBEAT_INTERVAL_MS: '100', HEARTBEAT_TIMEOUT_MS: '400' });
  const alive = await join(server, '/ws/chat/beat', server.token({ sub: 'alive' }));
  const silent = await join(server, '/ws/chat/beat', server.token({ sub: 'silent' }));
  silent.socket.ws.pong = () => {}; // hears pings, and does not answer
  expect(await silent.socket.closed).toEqual({ code: 4001, reason: 'heartbeat_timeout' });
  await alive.socket.next('presence.left');
  const { body } = await request(server.url)
    .get('/api/connections/active')
    .set('Authorization', `Bearer ${server.token({ scope: 'connections:read' })}`);
  expect(body).toMatchObject([{ userId: 'alive' }]);
});

test('the server stops: sockets close with 1012, and HTTP says that it drains', async () => {
  const server = await startServer();
  const { socket } = await join(server, '/ws/chat/drain', server.token());
  const drained = server.drain();
  expect(await socket.closed).toEqual({ code: 1012, reason: 'restarting' });
  await drained;
  const ready = await request(server.url).get('/readyz');
  expect([ready.status, ready.body.code]).toEqual([503, 'draining']);
  expect((await request(server.url).get('/healthz')).body).toEqual({ status: 'ok' });
});

test('a refreshed token with another name: the others hear of it', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/chat/name', server.token({ sub: 'alice', name: 'Alice' }));
  const bob = await join(server, '/ws/chat/name', server.token({ sub: 'bob' }));
  await alice.socket.ask('session.refreshToken', { token: server.token({ sub: 'alice', name: 'Alicia' }) });
  expect((await bob.socket.next('presence.joined')).payload.participants).toMatchObject([
    { clientId: alice.clientId, presenterName: 'Alicia' },
  ]);
});
