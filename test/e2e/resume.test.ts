import { expect, test } from 'vitest';
import { admin } from '../support/admin.ts';
import { Returning } from '../support/returning.ts';
import { join, openSocket, type TestSocket } from '../support/socket.ts';
import { lostCount, startWithWindows } from '../support/windows.ts';

const path = '/ws/zoom/resume';

function say(socket: TestSocket, topic: string | number, to?: string): void {
  socket.send({ type: 'signal.data', payload: { topic: `${topic}`, data: null, ...(to && { to }) } });
}

function topics({ frames }: Pick<Returning, 'frames'>): unknown[] {
  return frames.flatMap(({ type, payload }) => (type === 'signal.data' ? [payload.topic] : []));
}

test('who comes back has all that was missed, in order and once, and then what follows', async () => {
  const { server } = await startWithWindows({ MESSAGE_BUDGET_SCALE: '100' });
  const ann = await join(server, path, server.token({ sub: 'ann' }));
  const bob = await Returning.join(server, path, server.token({ sub: 'bob' }));
  await bob.socket.ask('presence.update', { handRaised: true });
  await ann.socket.next('presence.updated');
  say(ann.socket, 'before');
  await bob.socket.next('signal.data');
  const { clientId, resumeToken } = bob;
  await bob.cut();
  expect((await ann.socket.next('presence.updated')).payload).toEqual({
    clientId,
    connectionStatus: 'disconnected',
  });
  for (const n of [1, 2, 3]) say(ann.socket, n);
  say(ann.socket, 'direct', clientId);
  ann.socket.send({ type: 'chat.typing', payload: { state: 'start' } });
  await ann.socket.ask('chat.send', { text: 'missed' });

  await bob.back(server.token({ sub: 'bob' }));
  expect(bob.welcome.payload).toMatchObject({
    resumed: true,
    resumeToken,
    self: { clientId, order: 2, role: 'participant', handRaised: true, connectionStatus: 'connected' },
    roster: [{ userId: 'ann' }, { userId: 'bob', connectionStatus: 'connected' }],
  });
  say(ann.socket, 'after');
  await bob.socket.next(({ payload }) => payload.topic === 'after');
  expect(topics(bob)).toEqual(['before', '1', '2', '3', 'direct', 'after']);
  expect(bob.socket.frames.map(({ type }) => type)).not.toContain('chat.typing');
  expect(bob.socket.frames.filter(({ type }) => type === 'chat.message')).toMatchObject([
    { payload: { text: 'missed' } },
  ]);
  expect((await ann.socket.next('presence.updated')).payload).toEqual({
    clientId,
    connectionStatus: 'connected',
  });
  const active = await (await admin(server, 'GET', '/connections/active')).json();
  expect(active).toMatchObject([{}, { id: clientId, connectionStatus: 'connected' }]);
});

test('the window of a loss that is over ends nothing, and that of a later one does', async () => {
  const { server, endWindows } = await startWithWindows();
  const ann = await join(server, path, server.token({ sub: 'ann' }));
  const bob = await Returning.join(server, path, server.token({ sub: 'bob' }));
  for (let n = 0; n < 2; n += 1) {
    await bob.cut();
    await ann.socket.next(({ payload }) => payload.connectionStatus === 'disconnected');
    await bob.back(server.token({ sub: 'bob' }));
    endWindows();
    expect(bob.isResumed).toBe(true);
  }
  await bob.cut();
  await lostCount(server, 1);
  endWindows();
  await ann.socket.next('presence.left');
  const { clientId } = bob;
  await bob.back(server.token({ sub: 'bob' }));
  expect(bob.isResumed).toBe(false);
  expect(bob.clientId).not.toBe(clientId);
});

test('a host comes back as host, into a room that is locked and full', async () => {
  const { server } = await startWithWindows({ MAX_ROOM_SIZE: '2' });
  const host = await Returning.join(server, path, server.token({ sub: 'host' }));
  const guest = await Returning.join(server, path, server.token({ sub: 'guest' }));
  await host.socket.ask('room.update', { locked: true, admission: 'approval' });
  for (const [client, sub] of [
    [host, 'host'],
    [guest, 'guest'],
  ] as const) {
    await client.cut();
    await lostCount(server, 1);
    await client.back(server.token({ sub }));
    expect(client.welcome.payload).toMatchObject({ resumed: true, self: { isHost: client === host } });
  }
  expect((await host.socket.ask('room.update', { locked: false })).type).toBe('ack');
});

test('a socket that still stands is closed with 4503, and nobody hears of a loss', async () => {
  const { server } = await startWithWindows({ MAX_CONNECTIONS_PER_USER_AND_ROOM: '1' });
  const ann = await join(server, path, server.token({ sub: 'ann' }));
  const bob = await Returning.join(server, path, server.token({ sub: 'bob' }));
  const first = bob.socket;
  await bob.back(server.token({ sub: 'bob' }));
  expect(bob.isResumed).toBe(true);
  expect(await first.closed).toEqual({ code: 4503, reason: 'replaced' });
  say(ann.socket, 'still here', bob.clientId);
  await bob.socket.next('signal.data');
  const { payload } = await ann.socket.ask('presence.list');
  expect(payload.participants).toMatchObject([{}, { clientId: bob.clientId }]);
  expect(ann.socket.frames.filter(({ type }) => /^presence\.(updated|left)/.test(type))).toEqual([]);
  // It counts as one connection, not as two, and not as none.
  await expect(join(server, path, server.token({ sub: 'bob' }))).rejects.toThrow(/429.*connection_limit/);
  await bob.cut();
  await lostCount(server, 1);
  await bob.back(server.token({ sub: 'bob' }));
  expect(bob.isResumed).toBe(true);
  await expect(join(server, path, server.token({ sub: 'bob' }))).rejects.toThrow(/429.*connection_limit/);
});

test('of two sockets that ask for one session at once, it goes on on one, and the other one is closed', async () => {
  const { server } = await startWithWindows();
  const ann = await join(server, path, server.token({ sub: 'ann' }));
  const bob = await Returning.join(server, path, server.token({ sub: 'bob' }));
  await bob.cut();
  await lostCount(server, 1);
  const query = `?resume=${bob.resumeToken}&received=${bob.received}`;
  const sockets = await Promise.all(
    [1, 2, 3].map(() => openSocket(server, path + query, server.token({ sub: 'bob' }))),
  );
  const closed = await Promise.race(
    sockets.map((one) => Promise.all(sockets.filter((other) => other !== one).map((other) => other.closed))),
  );
  expect(closed).toEqual([
    { code: 4503, reason: 'replaced' },
    { code: 4503, reason: 'replaced' },
  ]);
  const [open] = sockets.filter(({ ws }) => ws.readyState === ws.OPEN);
  say(ann.socket, 'to whom it is', bob.clientId);
  await open?.next('signal.data');
});

test('a new token brings a new name, and its rights', async () => {
  const { server } = await startWithWindows();
  const ann = await join(server, path, server.token({ sub: 'ann' }));
  const bob = await Returning.join(server, path, server.token({ sub: 'bob', name: 'Bob' }));
  await bob.cut();
  await lostCount(server, 1);
  await bob.back(server.token({ sub: 'bob', name: 'Robert', host: true }));
  expect(bob.welcome.payload.self).toMatchObject({ presenterName: 'Robert', isHost: true });
  await ann.socket.next(
    ({ type, payload }) => type === 'presence.joined' && JSON.stringify(payload).includes('Robert'),
  );
  expect((await ann.socket.next('host.changed')).payload.hosts).toContain(bob.clientId);
});

test('who has waited to be let in counts from its welcome on', async () => {
  const { server } = await startWithWindows();
  const host = await join(server, path, server.token({ sub: 'host' }));
  await host.socket.ask('room.update', { admission: 'approval' });
  const joining = Returning.join(server, path, server.token({ sub: 'guest' }));
  await host.socket.next('waiting.joined');
  await host.socket.ask('waiting.decide', { clientId: 'all', decision: 'admit' });
  const guest = await joining;
  expect(guest.socket.frames.map(({ type }) => type)).toEqual(['admission.waiting', 'session.welcome']);
  await guest.cut();
  await lostCount(server, 1);
  say(host.socket, 'missed', guest.clientId);
  await host.socket.ask('presence.list');
  await guest.back(server.token({ sub: 'guest' }));
  await guest.socket.next('signal.data');
  expect([guest.isResumed, topics(guest)]).toEqual([true, ['missed']]);
});
