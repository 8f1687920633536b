import request from 'supertest';
import { expect, test } from 'vitest';
import type { TelemetryEvent } from '../../src/telemetry.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

const scope = 'connections:read connections:kick rooms:broadcast rooms:close';

function post(server: TestServer, path: string, claims: Record<string, unknown> = {}) {
  return request(server.url)
    .post(`/api/connections${path}`)
    .set('Authorization', `Bearer ${server.token({ scope, ...claims })}`);
}

test('a kick carries its reason to the client, and to nobody else', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/zoom/kick', server.token());
  const bob = await join(server, '/ws/zoom/kick', server.token());
  const { status } = await post(server, `/${bob.clientId}/kick`).send({ reason: 'Off topic' });
  expect(status).toBe(200);
  expect((await bob.socket.next('session.kicked')).payload).toEqual({ by: 'admin', reason: 'Off topic' });
  expect((await bob.socket.closed).code).toBe(4500);
  expect((await alice.socket.next('presence.left')).payload.departures).toEqual([
    { clientId: bob.clientId, reason: 'kicked' },
  ]);
  const again = await post(server, `/${bob.clientId}/kick`);
  expect([again.status, again.body.code]).toEqual([404, 'connection_not_found']);
});

test('?channel= narrows broadcast and close to one channel of the room', async () => {
  const server = await startServer();
  const zoom = await join(server, '/ws/zoom/ABC123', server.token());
  const chat = await join(server, '/ws/chat/ABC123', server.token());
  const sent = await post(server, '/rooms/ABC123/broadcast?channel=chat').send({ message: 'chatters' });
  expect(sent.body.delivered).toBe(1);
  expect((await chat.socket.next('notice')).payload.message).toBe('chatters');
  const closed = await post(server, '/rooms/ABC123/close?channel=chat');
  expect(closed.body.disconnected).toBe(1);
  expect((await chat.socket.closed).code).toBe(4502);
  await zoom.socket.ask('presence.list');
  expect(zoom.socket.frames.map(({ type }) => type)).toEqual(['session.welcome', 'presence.roster']);
  const none = await post(server, '/rooms/ABC123/close?channel=chat');
  expect([none.status, none.body.code]).toEqual([404, 'room_not_found']);
  expect((await post(server, '/rooms/ABC123/close?channel=video')).body.errors).toMatchObject([
    { pointer: '/query/channel' },
  ]);
});

test('a closed room is over: who joins the same name finds a new one', async () => {
  const server = await startServer();
  await join(server, '/ws/zoom/again', server.token({ sub: 'old' }));
  await post(server, '/rooms/again/close');
  const { welcome } = await join(server, '/ws/zoom/again', server.token({ sub: 'new' }));
  expect(welcome.payload).toMatchObject({ self: { order: 1, isHost: true }, rosterTotal: 1 });
});

test('nothing but the close follows room.closed', async () => {
  const server = await startServer();
  const clients = await Promise.all([1, 2, 3, 4].map(() => join(server, '/ws/chat/quiet', server.token())));
  await post(server, '/rooms/quiet/close');
  for (const { socket } of clients) {
    await socket.closed;
    const types = socket.frames.map(({ type }) => type);
    expect(types.slice(types.indexOf('room.closed'))).toEqual(['room.closed']);
  }
});

test('an Idempotency-Key makes a retried broadcast repeat its answer and send nothing', async () => {
  const server = await startServer();
  const { socket } = await join(server, '/ws/chat/once', server.token());
  const send = (key: string, message: string, claims = {}) =>
    post(server, '/rooms/once/broadcast', claims).set('Idempotency-Key', key).send({ message });
  const first = await send('k1', 'hello');
  const second = await send('k1', 'hello');
  expect(second.body).toEqual(first.body);
  expect(second.headers['ratelimit-remaining']).toBe('28'); // a replay counts
  const conflict = await send('k1', 'something else');
  expect([conflict.status, conflict.body.code]).toEqual([422, 'idempotency_conflict']);
  await send('k1', 'of another caller', { sub: 'other' });
  await send('k2', 'last');
  const messages = [];
  for (let n = 0; n < 3; n += 1) messages.push((await socket.next('notice')).payload.message);
  expect(messages).toEqual(['hello', 'of another caller', 'last']);
});

test('a refused broadcast is not remembered under its key', async () => {
  const server = await startServer();
  const send = () =>
    post(server, '/rooms/later/broadcast').set('Idempotency-Key', 'k').send({ message: 'hi' });
  expect((await send()).status).toBe(404);
  await join(server, '/ws/chat/later', server.token());
  expect((await send()).body.delivered).toBe(1);
});

test('every action of an administrator is one event for the audit log', async () => {
  const events: TelemetryEvent[] = [];
  const server = await startServer({}, { report: (event) => events.push(event) });
  const { clientId } = await join(server, '/ws/chat/audit', server.token());
  await join(server, '/ws/chat/audit', server.token());
  await post(server, '/rooms/audit/broadcast', { sub: 'root' })
    .set('X-Request-Id', 'r-1')
    .send({ message: 'x' });
  await post(server, `/${clientId}/kick`, { sub: 'root' })
    .set('X-Request-Id', 'r-2')
    .send({ reason: 'spam' });
  await post(server, '/rooms/audit/close', { sub: 'root' }).set('X-Request-Id', 'r-3');
  expect(events.filter(({ type }) => type.startsWith('admin.'))).toMatchObject([
    { type: 'admin.broadcast', by: 'root', requestId: 'r-1', target: 'audit', affected: 2 },
    { type: 'admin.kicked', by: 'root', requestId: 'r-2', target: clientId, reason: 'spam', affected: 1 },
    { type: 'admin.closed', by: 'root', requestId: 'r-3', target: 'audit', affected: 1 },
  ]);
});

test('preflight answers 204 where the upgrade would succeed', async () => {
  const server = await startServer();
  const token = server.token();
  const byHeader = await request(server.url)
    .get('/api/ws/zoom/ABC123/preflight')
    .set('Authorization', `Bearer ${token}`);
  const byQuery = await request(server.url).get(`/api/ws/chat/ABC123/preflight?token=${token}`);
  expect([byHeader.status, byQuery.status]).toEqual([204, 204]);
  const refused = await request(server.url).get(
    `/api/ws/zoom/ABC123/preflight?token=${server.token({ rooms: ['XYZ*'] })}`,
  );
  expect([refused.status, refused.body.code]).toEqual([403, 'room_not_granted']);
});
