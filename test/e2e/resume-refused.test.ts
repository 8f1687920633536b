import { expect, test } from 'vitest';
import { frameLimits } from '../../generated/messages.ts';
import type { TelemetryEvent } from '../../src/telemetry.ts';
import { admin } from '../support/admin.ts';
import { Returning } from '../support/returning.ts';
import { startServer } from '../support/server.ts';
import { join, type TestSocket } from '../support/socket.ts';
import { lostCount, startWithWindows } from '../support/windows.ts';

const path = '/ws/chat/fresh';

function say(socket: TestSocket, topic: string | number, data: string | null = null): void {
  socket.send({ type: 'signal.data', payload: { topic: `${topic}`, data } });
}

/** A room of two, one of whom has been cut off. */
async function oneIsCut(env: Readonly<Record<string, string>> = {}) {
  const { server, endWindows } = await startWithWindows({ MESSAGE_BUDGET_SCALE: '100', ...env });
  const ann = await join(server, path, server.token({ sub: 'ann' }));
  const bob = await Returning.join(server, path, server.token({ sub: 'bob' }));
  await bob.cut();
  await ann.socket.next(({ payload }) => payload.connectionStatus === 'disconnected');
  return { server, endWindows, ann, bob, old: bob.clientId, token: server.token({ sub: 'bob' }) };
}

test.each([
  ['as many messages as are kept', 4, true],
  ['one more', 5, false],
  ['many more', 300, false],
])('who lacks %s', async (_, count, isResumed) => {
  const { ann, bob, old, token } = await oneIsCut({ RESUME_BUFFER_MESSAGES: '4' });
  for (let n = 0; n < count; n += 1) say(ann.socket, n);
  await ann.socket.ask('presence.list');
  await bob.back(token);
  expect(bob.isResumed).toBe(isResumed);
  if (isResumed) {
    for (let n = 0; n < count; n += 1)
      expect((await bob.socket.next('signal.data')).payload.topic).toBe(`${n}`);
    return;
  }
  // A fresh start, of which the first tells the others; and the old session is over at once.
  expect(bob.clientId).not.toBe(old);
  expect((await ann.socket.next('presence.left')).payload.departures).toEqual([
    { clientId: old, reason: 'disconnected' },
  ]);
  expect(bob.welcome.payload.roster).toMatchObject([{}, { clientId: old }, { clientId: bob.clientId }]);
  expect((await bob.socket.next('presence.left')).payload.departures).toMatchObject([{ clientId: old }]);
});

test.each([
  ['as many bytes as are kept', 0, true],
  ['one byte more', 1, false],
])('who lacks %s', async (_, more, isResumed) => {
  const frame = { type: 'signal.data', ts: Date.now(), from: `client_${'0'.repeat(32)}` };
  const empty = JSON.stringify({ ...frame, payload: { topic: 'big', data: '' } }).length;
  const { ann, bob, token } = await oneIsCut({ RESUME_BUFFER_BYTES: '3000' });
  say(ann.socket, 'big', 'é'.repeat((3000 - empty) / 2) + 'x'.repeat(((3000 - empty) % 2) + more));
  await ann.socket.ask('presence.list');
  await bob.back(token);
  expect(bob.isResumed).toBe(isResumed);
});

test('whoever has all that was sent comes back, however much that was', async () => {
  const { server } = await startWithWindows({ MESSAGE_BUDGET_SCALE: '100', RESUME_BUFFER_MESSAGES: '4' });
  const ann = await join(server, path, server.token({ sub: 'ann' }));
  const bob = await Returning.join(server, path, server.token({ sub: 'bob' }));
  for (let n = 0; n < 20; n += 1) say(ann.socket, n);
  await bob.socket.next(({ payload }) => payload.topic === '19');
  await bob.cut();
  await lostCount(server, 1);
  for (let n = 20; n < 24; n += 1) say(ann.socket, n);
  await ann.socket.ask('presence.list');
  await bob.back(server.token({ sub: 'bob' }));
  for (let n = 20; n < 24; n += 1) expect((await bob.socket.next('signal.data')).payload.topic).toBe(`${n}`);
  expect(bob.isResumed).toBe(true);
});

test('what a client has said that it has is not kept for it', async () => {
  const { server } = await startWithWindows();
  const ann = await join(server, path, server.token({ sub: 'ann' }));
  const bob = await Returning.join(server, path, server.token({ sub: 'bob' }));
  for (const topic of ['a', 'b', 'c']) say(ann.socket, topic);
  await bob.socket.next(({ payload }) => payload.topic === 'c');
  const ping = async (received: number) => {
    bob.socket.send({ type: 'session.ping', payload: { t: received, received } });
    const { type, payload } = await bob.socket.next(({ type }) => /pong|error/.test(type));
    return type === 'error' ? payload.code : type;
  };
  expect(await ping(3)).toBe('session.pong');
  expect(await ping(1)).toBe('session.pong'); // older, and no news
  expect(await ping(5)).toBe('conflict'); // four came: the welcome and three more
  await bob.cut();
  await lostCount(server, 1);
  await bob.back(server.token({ sub: 'bob' }), { received: 3 });
  expect([bob.isResumed, (await bob.socket.next('signal.data')).payload.topic]).toEqual([true, 'c']);
  await bob.back(server.token({ sub: 'bob' }), { received: 2 });
  expect(bob.isResumed).toBe(false);
});

test.each([
  ['more than was sent', 99],
  ['nothing, not even the welcome', 0],
])('who says that it has %s starts anew', async (_, received) => {
  const { bob, old, token } = await oneIsCut();
  await bob.back(token, { received });
  expect(bob.isResumed).toBe(false);
  expect(bob.clientId).not.toBe(old);
});

test('a session is for its user, in its room: others get a session of their own, and nothing happens to it', async () => {
  const { server, bob, old, token, ann } = await oneIsCut();
  const { resumeToken, received } = bob;
  const wanted = { resumeToken, received };
  const others = [
    await Returning.join(server, path, server.token({ sub: 'eve' })),
    await Returning.join(server, '/ws/zoom/fresh', token),
    await Returning.join(server, '/ws/chat/other', token),
    await Returning.join(server, path, token),
  ];
  await others[0]?.back(server.token({ sub: 'eve' }), wanted);
  await others[1]?.back(token, wanted);
  await others[2]?.back(token, wanted);
  await others[3]?.back(token, { ...wanted, resumeToken: `${old}.${'A'.repeat(43)}` });
  expect(others.map(({ isResumed }) => isResumed)).toEqual([false, false, false, false]);
  expect(ann.socket.frames.filter(({ type }) => type === 'presence.left')).toEqual([]);
  await bob.back(token);
  expect([bob.isResumed, bob.clientId]).toEqual([true, old]);
});

test('who was put out meanwhile, or is kept out, does not come back', async () => {
  const { server, bob, old, token } = await oneIsCut();
  expect((await admin(server, 'POST', `/connections/${old}/kick`)).status).toBe(200);
  await bob.back(token);
  expect(bob.isResumed).toBe(false);
  await bob.cut();
  await lostCount(server, 1);
  await expect(bob.back(server.token({ sub: 'bob', rooms: ['elsewhere'] }))).rejects.toThrow(
    /403.*room_not_granted/,
  );
  await expect(bob.back(server.token({ sub: 'bob', exp: 1 }))).rejects.toThrow(/401.*token_expired/);
  // A refusal changes nothing: with a better token it goes on.
  await bob.back(token);
  expect(bob.isResumed).toBe(true);
  await bob.cut();
  await lostCount(server, 1);
  await admin(server, 'POST', `/connections/${bob.clientId}/kick`, { banSeconds: 60 });
  await expect(bob.back(token)).rejects.toThrow(/403.*banned/);
});

test('who comes back counts as a connection again, from then on, and who is refused does not', async () => {
  const { server, ann, bob, token } = await oneIsCut({ MAX_CONNECTIONS_PER_USER_AND_ROOM: '1' });
  await expect(bob.back(server.token({ sub: 'bob', rooms: [] }))).rejects.toThrow(/403.*room_not_granted/);
  const other = await join(server, path, token);
  await expect(bob.back(token)).rejects.toThrow(/429.*connection_limit/);
  await other.socket.close();
  await ann.socket.next('presence.left');
  await bob.back(token);
  expect(bob.isResumed).toBe(true);
  await expect(join(server, path, token)).rejects.toThrow(/429.*connection_limit/);
  await bob.cut();
  await lostCount(server, 1);
  await join(server, path, token);
});

test('who cannot be resumed has its own place still, in a room that would not have it', async () => {
  const { server, ann, bob, old, token } = await oneIsCut({
    RESUME_BUFFER_MESSAGES: '1',
    MAX_ROOM_SIZE: '2',
  });
  await ann.socket.ask('room.update', { locked: true, admission: 'approval' });
  for (const topic of ['a', 'b']) say(ann.socket, topic);
  await ann.socket.ask('presence.list');
  await expect(join(server, path, server.token({ sub: 'eve' }))).rejects.toThrow(/403.*room_locked/);
  await bob.back(token);
  expect(bob.isResumed).toBe(false);
  expect((await ann.socket.next('presence.left')).payload.departures).toMatchObject([{ clientId: old }]);
});

test.each([
  ['resume=x', ['/query/received']],
  ['received=1', ['/query/resume']],
  ['resume=&received=1', ['/query/resume']],
  ['resume=a%20b&received=1', ['/query/resume']],
  [`resume=${'x'.repeat(257)}&received=1`, ['/query/resume']],
  ['resume=x&resume=y&received=1', ['/query/resume']],
  ['resume=x&received=-1', ['/query/received']],
  ['resume=x&received=1.5', ['/query/received']],
  ['resume=x&received=1e3', ['/query/received']],
  ['resume=x&received=9999999999999999', ['/query/received']],
  ['resume=x&received=1&received=1', ['/query/received']],
  ['resume=%00&received=', ['/query/resume', '/query/received']],
])('an upgrade with ?%s is a bad request', async (query, pointers) => {
  const { server } = await startWithWindows();
  const refused = join(server, `${path}?${query}`, server.token());
  const text: unknown = await refused.catch(({ message }: Error) => message);
  expect(text).toMatch(/^refused with 400: /);
  const { code, errors } = JSON.parse(String(text).replace('refused with 400: ', ''));
  expect([code, errors.map(({ pointer }: { pointer: string }) => pointer)]).toEqual([
    'bad_request',
    pointers,
  ]);
});

test('a session that was ended does not go on because its client is slow to close', async () => {
  const ended = Promise.withResolvers<void>();
  const report = ({ type }: TelemetryEvent) => type === 'socket.closed' && ended.resolve();
  const server = await startServer({ RESUME_WINDOW_MS: '60000' }, { report });
  const bob = await Returning.join(server, path, server.token({ sub: 'bob' }));
  const first = bob.socket;
  for (let n = 1; n < frameLimits.maxInvalidPerMinute; n += 1) {
    first.send('nonsense');
    await first.next('error');
  }
  first.ws.pause();
  first.send('nonsense');
  await ended.promise;
  await bob.back(server.token({ sub: 'bob' }));
  expect(bob.isResumed).toBe(false);
  first.ws.resume();
  expect((await first.closed).code).toBe(4506);
});

test('without a window nobody comes back', async () => {
  const { server } = await startWithWindows({ RESUME_WINDOW_MS: '0' });
  const bob = await Returning.join(server, path, server.token({ sub: 'bob' }));
  const first = bob.socket;
  await bob.back(server.token({ sub: 'bob' }));
  expect(bob.isResumed).toBe(false);
  expect((await first.closed).code).toBe(4503);
});
