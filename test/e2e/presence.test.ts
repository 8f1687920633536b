import { expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import { join, valueAt } from '../support/socket.ts';

test('the welcome tells who you are and who is there; the others are told of you', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/zoom/ABC123', server.token({ sub: 'alice', name: 'Alice' }));
  expect(alice.welcome.payload).toMatchObject({
    self: { clientId: alice.clientId, userId: 'alice', presenterName: 'Alice', role: 'host', order: 1 },
    room: { hosts: [alice.clientId], participantCount: 1, locked: false, admission: 'open' },
    rosterTotal: 1,
    resumed: false,
    heartbeat: { intervalMs: 15_000, timeoutMs: 22_000 },
    limits: { maxMessageBytes: 65_536 },
  });
  const bob = await join(server, '/ws/zoom/ABC123', server.token({ sub: 'bob' }));
  expect(bob.welcome.payload).toMatchObject({
    self: { role: 'participant', isHost: false, order: 2, handRaised: false },
    roster: [{ clientId: alice.clientId, isHost: true }, { clientId: bob.clientId }],
    rosterTotal: 2,
  });
  expect(await alice.socket.next()).toMatchObject({
    type: 'presence.joined',
    payload: { participants: [{ clientId: bob.clientId, userId: 'bob', order: 2 }] },
  });
});

test('a participant goes: the others are told how, and the longest-present follows as host', async () => {
  const server = await startServer();
  const [first, second, third] = [
    await join(server, '/ws/zoom/elect', server.token({ sub: 'first' })),
    await join(server, '/ws/zoom/elect', server.token({ sub: 'second' })),
    await join(server, '/ws/zoom/elect', server.token({ sub: 'third' })),
  ];
  first.socket.ws.terminate();
  for (const { socket } of [second, third]) {
    expect((await socket.next('presence.left')).payload).toEqual({
      departures: [{ clientId: first.clientId, reason: 'disconnected' }],
    });
    expect((await socket.next('host.changed')).payload).toEqual({
      hosts: [second.clientId],
      reason: 'elected',
    });
  }
  await second.socket.close();
  expect((await third.socket.next('presence.left')).payload.departures).toEqual([
    { clientId: second.clientId, reason: 'left' },
  ]);
  expect((await third.socket.next('host.changed')).payload.hosts).toEqual([third.clientId]);
  await third.socket.ask('session.leave');
  const back = await join(server, '/ws/zoom/elect', server.token({ sub: 'back' }));
  expect(back.welcome.payload).toMatchObject({ self: { isHost: true, order: 1 }, rosterTotal: 1 });
});

test('tokens that say host: true make hosts beside the first; one of several goes without an election', async () => {
  const server = await startServer();
  const elected = await join(server, '/ws/zoom/hosts', server.token({ sub: 'a' }));
  const granted = await join(server, '/ws/zoom/hosts', server.token({ sub: 'b', host: true }));
  const guest = await join(server, '/ws/zoom/hosts', server.token({ sub: 'c' }));
  const hosts = [elected.clientId, granted.clientId];
  expect((await elected.socket.next('host.changed')).payload).toEqual({ hosts, reason: 'joined' });
  expect(guest.welcome.payload).toMatchObject({ self: { isHost: false }, room: { hosts } });
  await elected.socket.close();
  expect((await guest.socket.next('host.changed')).payload).toEqual({
    hosts: [granted.clientId],
    reason: 'left',
  });
});

test('two tabs of one user are two connections; closing one leaves the other', async () => {
  const server = await startServer();
  const token = server.token({ sub: 'alice' });
  const one = await join(server, '/ws/zoom/tabs', token);
  const two = await join(server, '/ws/zoom/tabs', token);
  expect(one.clientId).not.toBe(two.clientId);
  await one.socket.close();
  await two.socket.next('presence.left');
  const { payload } = await two.socket.ask('presence.list');
  expect(valueAt(payload, 'participants')).toMatchObject([{ clientId: two.clientId, userId: 'alice' }]);
});

test('a raised hand and metadata reach the others, and newcomers', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/chat/hands', server.token());
  const bob = await join(server, '/ws/chat/hands', server.token());
  const metadata = { avatar: 'https://example.com/a.png', tags: ['x'] };
  await bob.socket.ask('presence.update', { handRaised: true });
  expect(await alice.socket.next('presence.updated')).toMatchObject({
    from: bob.clientId,
    payload: { clientId: bob.clientId, handRaised: true },
  });
  await bob.socket.ask('presence.update', { metadata });
  expect((await alice.socket.next('presence.updated')).payload).toEqual({ clientId: bob.clientId, metadata });
  const carol = await join(server, '/ws/chat/hands', server.token());
  expect(valueAt(carol.welcome.payload, 'roster', 1)).toMatchObject({ handRaised: true, metadata });
  expect(bob.socket.frames.map(({ type }) => type)).not.toContain('presence.updated');
});

test('metadata over 1 KiB is refused as a whole', async () => {
  const server = await startServer();
  const { socket } = await join(server, '/ws/chat/big', server.token());
  const answer = await socket.ask('presence.update', {
    handRaised: true,
    metadata: { text: 'ü'.repeat(512) },
  });
  expect(answer.payload).toMatchObject({
    code: 'invalid_message',
    errors: [{ pointer: '/payload/metadata' }],
  });
  const { payload } = await socket.ask('presence.list');
  expect(valueAt(payload, 'participants', 0, 'handRaised')).toBe(false);
});

test('the roster comes in pages, in the order of joining, each participant once', async () => {
  const server = await startServer();
  const clients = [];
  for (let n = 0; n < 7; n += 1) clients.push(await join(server, '/ws/zoom/pages', server.token()));
  const last = clients.at(-1);
  const seen: unknown[] = [];
  let cursor: unknown;
  do {
    const page = await last?.socket.ask('presence.list', { limit: 3, ...(cursor ? { cursor } : {}) });
    const participants = valueAt(page?.payload, 'participants');
    if (!Array.isArray(participants)) throw new Error('a page has participants');
    seen.push(...participants.map((one) => valueAt(one, 'clientId')));
    cursor = valueAt(page?.payload, 'nextCursor');
    expect(participants.length).toBeLessThanOrEqual(3);
  } while (cursor !== undefined);
  expect(seen).toEqual(clients.map(({ clientId }) => clientId));
});

test('the welcome holds up to 200 participants and always oneself', async () => {
  const server = await startServer();
  const token = server.token();
  for (let n = 0; n < 201; n += 1) await join(server, '/ws/chat/crowd', token);
  const { welcome, clientId } = await join(server, '/ws/chat/crowd', token);
  const roster = valueAt(welcome.payload, 'roster');
  expect(roster).toHaveLength(201);
  expect(valueAt(welcome.payload, 'roster', 200, 'clientId')).toBe(clientId);
  expect(welcome.payload.rosterTotal).toBe(202);
});

test('a storm of joins makes few frames, and in the end everybody knows everybody', async () => {
  const server = await startServer({ PRESENCE_BATCH_MS: '100' });
  const first = await join(server, '/ws/chat/storm', server.token());
  const crowd = await Promise.all(
    Array.from({ length: 150 }, () => join(server, '/ws/chat/storm', server.token())),
  );
  // Everybody reads the roster; that nobody is told anything for it is why it stays at few frames.
  await Promise.all(crowd.map(({ socket }) => socket.ask('presence.list')));
  const seen = new Set<unknown>();
  let frames = 0;
  for (; seen.size < crowd.length; frames += 1) {
    const { participants } = (await first.socket.next('presence.joined')).payload;
    for (const one of Array.isArray(participants) ? participants : []) seen.add(valueAt(one, 'clientId'));
  }
  expect(seen).toEqual(new Set(crowd.map(({ clientId }) => clientId)));
  expect(frames).toBeLessThan(75);
});
