import { expect, test } from 'vitest';
import { admin } from '../support/admin.ts';
import { join, openSocket, valueAt } from '../support/socket.ts';
import { lostCount, startWithWindows } from '../support/windows.ts';

test('a host that is cut off stays host for its window, and then the longest-present follows', async () => {
  const { server, endWindows } = await startWithWindows();
  const path = '/ws/zoom/cut';
  const host = await join(server, path, server.token({ sub: 'host' }));
  const second = await join(server, path, server.token({ sub: 'second' }));
  const third = await join(server, path, server.token({ sub: 'third' }));
  expect(host.welcome.payload).toMatchObject({ resumed: false, resumeWindowMs: 60_000 });
  expect(String(host.welcome.payload.resumeToken)).toMatch(/^client_[0-9a-f]{32}\.[\w-]{43}$/);
  await host.socket.ask('room.update', { admission: 'approval' });
  host.socket.ws.terminate();
  for (const { socket } of [second, third]) {
    expect((await socket.next('presence.updated')).payload).toEqual({
      clientId: host.clientId,
      connectionStatus: 'disconnected',
    });
  }
  const { payload } = await second.socket.ask('presence.list');
  expect(valueAt(payload, 'participants', 0)).toMatchObject({
    clientId: host.clientId,
    isHost: true,
    connectionStatus: 'disconnected',
  });
  const [connection] = await (await admin(server, 'GET', '/connections/active?status=disconnected')).json();
  expect(connection).toMatchObject({ id: host.clientId, isHost: true, connectionStatus: 'disconnected' });
  const waiting = await openSocket(server, path, server.token({ sub: 'waiting' }));
  await waiting.next('admission.waiting');

  endWindows();
  for (const { socket } of [second, third]) {
    expect((await socket.next('presence.left')).payload).toEqual({
      departures: [{ clientId: host.clientId, reason: 'disconnected' }],
    });
    expect((await socket.next('host.changed')).payload).toEqual({
      hosts: [second.clientId],
      reason: 'elected',
    });
  }
  expect((await second.socket.next('waiting.joined')).payload.participant).toMatchObject({
    userId: 'waiting',
  });
  await second.socket.ask('waiting.decide', { clientId: 'all', decision: 'admit' });
  await waiting.next('session.welcome');
  expect((await second.socket.ask('room.close')).type).toBe('ack');
  expect((await third.socket.closed).code).toBe(4502);
});

test.each([
  ['1001, going away', 1001, true],
  ['1000', 1000, false],
  ['no code at all', undefined, false],
  ['a code of its own', 3000, false],
])('a client that closes with %s', async (_, code, mayComeBack) => {
  const { server } = await startWithWindows();
  const host = await join(server, '/ws/chat/goodbye', server.token({ sub: 'host' }));
  const guest = await join(server, '/ws/chat/goodbye', server.token({ sub: 'guest' }));
  await host.socket.next('presence.joined');
  guest.socket.ws.close(code);
  const { type } = await host.socket.next(({ type }) => type.startsWith('presence.'));
  expect(type).toBe(mayComeBack ? 'presence.updated' : 'presence.left');
});

test('a session that the server ends for being too talkative may come back; one that breaks the protocol may not', async () => {
  const { server } = await startWithWindows();
  const host = await join(server, '/ws/chat/ended', server.token({ sub: 'host' }));
  const binary = await join(server, '/ws/chat/ended', server.token({ sub: 'binary' }));
  await host.socket.next('presence.joined');
  binary.socket.ws.send(Buffer.from('{}'), { binary: true });
  expect((await binary.socket.closed).code).toBe(1003);
  expect((await host.socket.next('presence.left')).payload.departures).toEqual([
    { clientId: binary.clientId, reason: 'closed' },
  ]);
});

test('one that is half-open is found out by its silence, and may come back', async () => {
  const { server } = await startWithWindows({ HEARTBEAT_INTERVAL_MS: '100', HEARTBEAT_TIMEOUT_MS: '300' });
  const path = '/ws/chat/half-open';
  const host = await join(server, path, server.token({ sub: 'host' }));
  const silent = await join(server, path, server.token({ sub: 'silent' }));
  silent.socket.ws.pause(); // it reads no ping, and so answers none
  expect((await host.socket.next('presence.updated')).payload).toEqual({
    clientId: silent.clientId,
    connectionStatus: 'disconnected',
  });
  silent.socket.ws.resume();
  expect((await silent.socket.closed).code).toBe(4001);
});

test('whoever is away is counted where it ends, and not where something is sent', async () => {
  const { server } = await startWithWindows();
  const path = '/ws/zoom/away';
  const host = await join(server, path, server.token({ sub: 'host' }));
  const away = await join(server, path, server.token({ sub: 'away' }));
  const other = await join(server, path, server.token({ sub: 'other' }));
  for (const { socket } of [away, other]) socket.ws.terminate();
  for (let n = 0; n < 2; n += 1) await host.socket.next('presence.updated');

  const notice = await admin(server, 'POST', '/connections/rooms/away/broadcast', { message: 'hi' });
  expect(await notice.json()).toMatchObject({ delivered: 1, message: 'Message broadcast to 1 clients' });
  // It is there for its peers, who need not know; what is sent to it now is for its return.
  expect((await host.socket.ask('signal.offer', { to: away.clientId, sdp: 'v=0' })).type).toBe('ack');
  expect((await host.socket.ask('host.grant', { to: away.clientId })).type).toBe('ack');

  expect((await admin(server, 'POST', `/connections/${away.clientId}/kick`)).status).toBe(200);
  expect((await host.socket.next('presence.left')).payload.departures).toEqual([
    { clientId: away.clientId, reason: 'kicked' },
  ]);
  const stale = await host.socket.ask('signal.offer', { to: away.clientId, sdp: 'v=0' });
  expect(stale.payload.code).toBe('peer_not_found');
  const closed = await admin(server, 'POST', '/connections/rooms/away/close');
  expect(await closed.json()).toMatchObject({ disconnected: 2 });
  expect(await (await admin(server, 'GET', '/connections/active')).json()).toEqual([]);
});

test('the next host is one who is connected, if anybody is', async () => {
  const { server, endWindows } = await startWithWindows();
  const path = '/ws/chat/heirs';
  const [host, eldest, present] = [
    await join(server, path, server.token({ sub: 'host' })),
    await join(server, path, server.token({ sub: 'eldest' })),
    await join(server, path, server.token({ sub: 'present' })),
  ];
  eldest.socket.ws.terminate();
  await present.socket.next('presence.updated');
  await host.socket.ask('session.leave');
  expect((await present.socket.next('host.changed')).payload).toEqual({
    hosts: [present.clientId],
    reason: 'elected',
  });
  present.socket.ws.terminate();
  await lostCount(server, 2);
  endWindows();
  // All windows have ended, and with them the room.
  const { welcome } = await join(server, path, server.token({ sub: 'newcomer' }));
  expect(welcome.payload).toMatchObject({ rosterTotal: 1, self: { order: 1, isHost: true } });
});

test('one address keeps as many lost sessions as it may have connections', async () => {
  const { server } = await startWithWindows({ MAX_CONNECTIONS_PER_ADDRESS: '3' });
  const path = '/ws/chat/address';
  await join(server, path, server.token({ sub: 'watcher' }), { from: '127.0.0.9' });
  for (let n = 0; n < 6; n += 1) {
    const { socket } = await join(server, path, server.token({ sub: `guest ${n}` }));
    socket.ws.terminate();
    await lostCount(server, Math.min(n + 1, 3));
  }
  const lost = await (await admin(server, 'GET', '/connections/active?status=disconnected')).json();
  expect(lost.map(({ userId }: { userId: string }) => userId)).toEqual(['guest 3', 'guest 4', 'guest 5']);
});

test('lost sessions neither keep their user out nor fill the room', async () => {
  const { server } = await startWithWindows({ MAX_CONNECTIONS_PER_USER_AND_ROOM: '2' });
  const path = '/ws/chat/flapping';
  const watcher = await join(server, path, server.token({ sub: 'watcher' }));
  const ids: string[] = [];
  for (let n = 0; n < 4; n += 1) {
    const { socket, clientId } = await join(server, path, server.token({ sub: 'flapping' }));
    ids.push(clientId);
    socket.ws.terminate();
    await watcher.socket.next('presence.updated');
  }
  // As many are kept as may be connected: the oldest are gone.
  for (const clientId of ids.slice(0, 2)) {
    expect((await watcher.socket.next('presence.left')).payload.departures).toMatchObject([{ clientId }]);
  }
  const { payload } = await watcher.socket.ask('presence.list');
  expect(payload.participants).toMatchObject([
    { userId: 'watcher' },
    ...ids.slice(2).map((clientId) => ({ clientId })),
  ]);
});

test('where many are lost at once, one frame says so of all', async () => {
  const { server, endWindows } = await startWithWindows({ PRESENCE_BATCH_MS: '100' });
  const path = '/ws/chat/storm';
  const watcher = await join(server, path, server.token({ sub: 'watcher' }));
  const others = [];
  for (const sub of ['a', 'b', 'c']) others.push(await join(server, path, server.token({ sub })));
  endWindows(); // of the joins
  for (const { socket } of others) socket.ws.terminate();
  await lostCount(server, 3);
  const before = watcher.socket.frames.length;
  endWindows();
  const { payload } = await watcher.socket.next(
    (frame) => watcher.socket.frames.indexOf(frame) >= before && frame.type === 'presence.joined',
  );
  expect(payload.participants).toMatchObject(
    Array.from({ length: others.length }, () => ({ connectionStatus: 'disconnected' })),
  );
});
