import request from 'supertest';
import { expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

const scope = 'connections:read connections:kick rooms:close';

function admin(server: TestServer) {
  const authorization = `Bearer ${server.token({ sub: 'root', scope })}`;
  return {
    kick: (id: string, body: object) =>
      request(server.url).post(`/api/connections/${id}/kick`).set('Authorization', authorization).send(body),
    bans: async () => (await request(server.url).get('/api/bans').set('Authorization', authorization)).body,
    lift: (banId: string) =>
      request(server.url).delete(`/api/bans/${banId}`).set('Authorization', authorization),
  };
}

test('a kick sticks: every device of the user is out of the room, and stays out until the ban is lifted', async () => {
  const server = await startServer();
  const token = server.token({ sub: 'troll' });
  const one = await join(server, '/ws/zoom/ABC123', token);
  const two = await join(server, '/ws/chat/ABC123', server.token({ sub: 'troll', name: 'Other tab' }));
  const elsewhere = await join(server, '/ws/chat/other', token);
  const bystander = await join(server, '/ws/zoom/ABC123', server.token({ sub: 'bystander' }));

  expect((await admin(server).kick(one.clientId, { reason: 'spam', banSeconds: 60 })).status).toBe(200);
  expect((await one.socket.closed).code).toBe(4500);
  expect((await two.socket.closed).code).toBe(4501);
  for (const { socket } of [one, two]) {
    expect(socket.frames.at(-1)).toMatchObject({
      type: 'session.kicked',
      payload: { by: 'admin', reason: 'spam', banUntil: expect.any(String) },
    });
  }
  for (const path of ['/ws/zoom/ABC123', '/ws/chat/ABC123', '/ws/screenshare/ABC123']) {
    await expect(join(server, path, token)).rejects.toThrow(
      /refused with 403.*"code":"banned".*"bannedUntil":"20/,
    );
  }
  const preflight = await fetch(`${server.url}/api/ws/zoom/ABC123/preflight?token=${token}`);
  expect([preflight.status, (await preflight.json()).code]).toEqual([403, 'banned']);
  expect((await elsewhere.socket.ask('presence.list')).type).toBe('presence.roster');
  expect((await bystander.socket.ask('presence.list')).type).toBe('presence.roster');

  const [ban] = await admin(server).bans();
  expect(ban).toMatchObject({ roomId: 'ABC123', userId: 'troll', reason: 'spam', bannedBy: 'root' });
  expect(ban).not.toHaveProperty('channel');
  expect((await admin(server).lift(ban.banId)).status).toBe(204);
  await join(server, '/ws/zoom/ABC123', token);
  const again = await admin(server).lift(ban.banId);
  expect([again.status, again.body.code]).toEqual([404, 'ban_not_found']);
});

test('a ban ends by itself', async () => {
  let now = Date.now();
  const env = { HEARTBEAT_TIMEOUT_MS: '10000000' };
  const server = await startServer(env, { now: () => now });
  const troll = await join(server, '/ws/zoom/short', server.token({ sub: 'troll' }));
  await admin(server).kick(troll.clientId, { banSeconds: 60 });
  now += 59_999;
  await expect(join(server, '/ws/zoom/short', server.token({ sub: 'troll' }))).rejects.toThrow(/banned/);
  now += 1;
  await join(server, '/ws/zoom/short', server.token({ sub: 'troll' }));
  expect(await admin(server).bans()).toEqual([]);
});

test('a host’s ban holds in its channel of the room', async () => {
  const server = await startServer();
  const host = await join(server, '/ws/zoom/mine', server.token({ sub: 'host' }));
  const troll = await join(server, '/ws/zoom/mine', server.token({ sub: 'troll' }));
  const tab = await join(server, '/ws/zoom/mine', server.token({ sub: 'troll' }));
  const chat = await join(server, '/ws/chat/mine', server.token({ sub: 'troll' }));
  const kick = { clientId: troll.clientId, banSeconds: 60 };
  expect((await host.socket.ask('participant.kick', kick)).type).toBe('ack');
  expect((await troll.socket.closed).code).toBe(4500);
  expect((await tab.socket.closed).code).toBe(4501);
  await expect(join(server, '/ws/zoom/mine', server.token({ sub: 'troll' }))).rejects.toThrow(/banned/);
  expect((await chat.socket.ask('presence.list')).type).toBe('presence.roster');
  expect(await admin(server).bans()).toMatchObject([{ channel: 'zoom', userId: 'troll', bannedBy: 'host' }]);
});

test('a kick without a ban lets the user come back at once', async () => {
  const server = await startServer();
  const { clientId, socket } = await join(server, '/ws/chat/back', server.token({ sub: 'user' }));
  await admin(server).kick(clientId, { reason: 'try again' });
  await socket.closed;
  await join(server, '/ws/chat/back', server.token({ sub: 'user' }));
});

test('a host bans neither itself nor, by way of another socket, one whom a token makes host', async () => {
  const server = await startServer();
  const host = await join(server, '/ws/zoom/rank', server.token({ sub: 'host' }));
  const tab = await join(server, '/ws/zoom/rank', server.token({ sub: 'host' }));
  const boss = await join(server, '/ws/zoom/rank', server.token({ sub: 'boss', host: true }));
  const bossTab = await join(server, '/ws/zoom/rank', server.token({ sub: 'boss' }));
  const kick = (clientId: string) => host.socket.ask('participant.kick', { clientId, banSeconds: 60 });
  expect((await kick(tab.clientId)).payload.code).toBe('conflict');
  expect((await kick(bossTab.clientId)).payload.code).toBe('not_allowed');
  for (const { socket } of [tab, boss, bossTab]) {
    expect((await socket.ask('presence.list')).type).toBe('presence.roster');
  }
  expect((await host.socket.ask('participant.kick', { clientId: bossTab.clientId })).type).toBe('ack');
});
