import request from 'supertest';
import { expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

// The two documents that clients were written against: their paths, fields, statuses and texts, byte for byte.

const scope = 'connections:read connections:kick rooms:broadcast rooms:close';
const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('GET /api/connections/active lists the eight fields of the seed, and the channel', async () => {
  const server = await startServer();
  const host = await join(server, '/ws/zoom/ABC123', server.token({ sub: 'user_123', name: 'John Doe' }));
  const guest = await join(server, '/ws/chat/ABC123', server.token({ sub: 'user_456', host: false }));
  const { status, body, headers } = await request(server.url)
    .get('/api/connections/active')
    .set('Authorization', `Bearer ${server.token({ scope })}`);
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/json; charset=utf-8');
  expect(body).toEqual([
    {
      id: host.clientId,
      clientId: host.clientId,
      userId: 'user_123',
      roomId: 'ABC123',
      channel: 'zoom',
      presenterName: 'John Doe',
      isHost: true,
      joinedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
      connectionStatus: 'connected',
    },
    expect.objectContaining({ id: guest.clientId, presenterName: 'user_456', channel: 'chat', isHost: true }),
  ]);
});

test('POST /api/connections/{id}/kick disconnects with the words of the seed', async () => {
  const server = await startServer();
  const { socket, clientId } = await join(server, '/ws/zoom/ABC123', server.token());
  const { status, text } = await request(server.url)
    .post(`/api/connections/${clientId}/kick`)
    .set('Authorization', `Bearer ${server.token({ scope })}`);
  expect([status, text]).toEqual([200, '{"success":true,"message":"Client disconnected"}']);
  expect(await socket.next()).toMatchObject({ type: 'session.kicked', payload: { by: 'admin' } });
  expect(await socket.closed).toEqual({ code: 4500, reason: 'kicked' });
});

test('POST /api/connections/rooms/{roomId}/broadcast reaches all channels and says how many clients', async () => {
  const server = await startServer();
  const paths = ['/ws/zoom/ABC123', '/ws/screenshare/ABC123', '/ws/chat/ABC123', '/ws/chat/other'];
  const clients = await Promise.all(paths.map((path) => join(server, path, server.token())));
  const { status, text } = await request(server.url)
    .post('/api/connections/rooms/ABC123/broadcast')
    .set('Authorization', `Bearer ${server.token({ scope })}`)
    .send({ message: 'Session ending in 5 minutes' });
  expect(status).toBe(200);
  expect(text).toBe('{"success":true,"message":"Message broadcast to 3 clients","delivered":3}');
  for (const { socket } of clients.slice(0, 3)) {
    expect(await socket.next()).toEqual({
      type: 'notice',
      ts: expect.any(Number),
      payload: {
        noticeId: expect.stringMatching(uuidV7),
        message: 'Session ending in 5 minutes',
        sentAt: expect.any(String),
      },
    });
  }
  const pong = clients[3]?.socket;
  pong?.send({ type: 'session.ping', payload: { t: 1 } });
  expect((await pong?.next())?.type).toBe('session.pong'); // and no notice before it
});

test('POST /api/connections/rooms/{roomId}/close disconnects all, with "clients" also for one', async () => {
  const server = await startServer();
  const close = (roomId: string) =>
    request(server.url)
      .post(`/api/connections/rooms/${roomId}/close`)
      .set('Authorization', `Bearer ${server.token({ scope })}`);
  const paths = ['/ws/zoom/ABC123', '/ws/zoom/ABC123', '/ws/chat/ABC123'];
  const clients = await Promise.all(paths.map((path) => join(server, path, server.token())));
  await join(server, '/ws/zoom/solo', server.token());

  expect((await close('ABC123')).text).toBe(
    '{"success":true,"message":"Room ABC123 closed, 3 clients disconnected","disconnected":3}',
  );
  for (const { socket } of clients) {
    expect(await socket.closed).toEqual({ code: 4502, reason: 'room_closed' });
    expect(socket.frames.at(-1)).toMatchObject({ type: 'room.closed', payload: { by: 'admin' } });
  }
  expect((await close('solo')).body.message).toBe('Room solo closed, 1 clients disconnected');
  const gone = await close('ABC123');
  expect([gone.status, gone.body.code]).toEqual([404, 'room_not_found']);
});

test.each(['zoom', 'screenshare', 'chat'])(
  '/ws/%s/{roomId} takes a token as a query parameter',
  async (channel) => {
    const server = await startServer();
    const { welcome } = await join(server, `/ws/${channel}/ABC123`, server.token());
    expect(welcome.payload).toMatchObject({ protocol: 'signal.v1', room: { roomId: 'ABC123', channel } });
  },
);
