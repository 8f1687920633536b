import { expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

async function three(server: TestServer, path: string, claims: Record<string, unknown>[] = [{}, {}, {}]) {
  const clients = [];
  for (const [n, more] of claims.entries())
    clients.push(await join(server, path, server.token({ sub: `u${n}`, ...more })));
  const [host, second, third] = clients;
  if (!host || !second || !third) throw new Error('three joined');
  return { host, second, third };
}

test('a host grants, transfers and revokes; everybody is told who the hosts are', async () => {
  const server = await startServer();
  const { host, second, third } = await three(server, '/ws/zoom/hosts');
  const told = async () => (await third.socket.next('host.changed')).payload;

  await host.socket.ask('host.grant', { to: second.clientId });
  expect(await told()).toEqual({ hosts: [host.clientId, second.clientId], reason: 'granted' });
  await second.socket.ask('host.revoke', { to: host.clientId });
  expect(await told()).toEqual({ hosts: [second.clientId], reason: 'revoked' });
  expect((await host.socket.ask('host.grant', { to: host.clientId })).payload.code).toBe('not_allowed');
  await second.socket.ask('host.transfer', { to: third.clientId });
  expect(await told()).toEqual({ hosts: [third.clientId], reason: 'transferred' });
  const last = await third.socket.ask('host.revoke', { to: third.clientId });
  expect(last.payload).toMatchObject({ code: 'conflict', retryable: false });
  expect((await third.socket.ask('host.grant', { to: 'client_gone' })).payload.code).toBe('peer_not_found');
});

test('what only hosts may do is refused to others, and reaches nobody', async () => {
  const server = await startServer();
  const { host, second } = await three(server, '/ws/zoom/guests');
  const asks: [string, object][] = [
    ['host.grant', { to: second.clientId }],
    ['host.transfer', { to: second.clientId }],
    ['host.revoke', { to: host.clientId }],
    ['participant.kick', { clientId: host.clientId }],
    ['room.update', { locked: true }],
    ['room.close', {}],
    ['media.muteRequest', { to: 'all', source: 'mic' }],
  ];
  for (const [type, payload] of asks) {
    expect((await second.socket.ask(type, payload)).payload).toMatchObject({ code: 'not_allowed' });
  }
  await host.socket.ask('presence.list');
  const types = new Set(host.socket.frames.map(({ type }) => type));
  expect(types).toEqual(new Set(['session.welcome', 'presence.joined', 'presence.roster']));
});

test('a host kicks; one whom a token made host is out of its reach', async () => {
  const server = await startServer();
  const { host, second, third } = await three(server, '/ws/chat/kick', [{}, {}, { host: true }]);
  const out = { clientId: third.clientId };
  expect((await host.socket.ask('participant.kick', out)).payload.code).toBe('not_allowed');
  expect((await host.socket.ask('participant.kick', { clientId: host.clientId })).payload.code).toBe(
    'conflict',
  );
  const kicked = await host.socket.ask('participant.kick', { clientId: second.clientId, reason: 'spam' });
  expect(kicked.type).toBe('ack');
  expect((await second.socket.next('session.kicked')).payload).toEqual({ by: 'host', reason: 'spam' });
  expect((await second.socket.closed).code).toBe(4500);
  expect((await third.socket.next('presence.left')).payload.departures).toEqual([
    { clientId: second.clientId, reason: 'kicked' },
  ]);
  expect((await third.socket.ask('participant.kick', { clientId: host.clientId })).type).toBe('ack');
});

test('a locked room lets in who is host by token, and nobody else; unlocked, everybody', async () => {
  const server = await startServer();
  const { host, second } = await three(server, '/ws/zoom/locked');
  await host.socket.ask('room.update', { locked: true });
  expect((await second.socket.next('room.updated')).payload.room).toMatchObject({
    locked: true,
    participantCount: 3,
  });
  expect((await host.socket.next('room.updated')).payload.room).toMatchObject({ locked: true });
  await expect(join(server, '/ws/zoom/locked', server.token())).rejects.toThrow(
    /refused with 403.*room_locked/,
  );
  const preflight = await fetch(`${server.url}/api/ws/zoom/locked/preflight?token=${server.token()}`);
  expect([preflight.status, (await preflight.json()).code]).toEqual([403, 'room_locked']);
  await join(server, '/ws/chat/locked', server.token()); // another channel of the room has a lock of its own
  const owner = await join(server, '/ws/zoom/locked', server.token({ sub: 'owner', host: true }));
  await owner.socket.ask('room.update', { locked: false });
  await join(server, '/ws/zoom/locked', server.token());
});

test('a host closes its channel of the room: its ack comes first, then everybody is out', async () => {
  const server = await startServer();
  const { host, second } = await three(server, '/ws/zoom/over');
  const chat = await join(server, '/ws/chat/over', server.token());
  host.socket.send({ type: 'room.close', id: 'bye', payload: { reason: 'done' } });
  expect(await second.socket.closed).toEqual({ code: 4502, reason: 'room_closed' });
  expect(await host.socket.closed).toEqual({ code: 4502, reason: 'room_closed' });
  for (const { socket } of [host, second]) {
    expect(socket.frames.at(-1)).toMatchObject({
      type: 'room.closed',
      payload: { by: 'host', reason: 'done' },
    });
  }
  expect(host.socket.frames.at(-2)).toMatchObject({ type: 'ack', replyTo: 'bye' });
  expect((await chat.socket.ask('presence.list')).type).toBe('presence.roster');
});
