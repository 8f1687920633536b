import { expect, test } from 'vitest';
import { type Json, objectAt } from '../../src/codegen/documents.ts';
import { admin } from '../support/admin.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Frame, join, openSocket, type TestSocket, valueAt } from '../support/socket.ts';

/** A room whose host lets newcomers in one by one, and a guest who was there before. */
async function guarded(server: TestServer, room = 'guarded') {
  const path = `/ws/zoom/${room}`;
  const host = await join(server, path, server.token({ sub: 'host', name: 'Host' }));
  const guest = await join(server, path, server.token({ sub: 'guest' }));
  expect((await host.socket.ask('room.update', { admission: 'approval' })).type).toBe('ack');
  const { payload } = await guest.socket.next('room.updated');
  expect(payload.room).toMatchObject({ admission: 'approval', locked: false });
  return { path, host, guest };
}

/** One who waits, and the id by which the host knows it. */
async function knock(server: TestServer, path: string, host: { socket: TestSocket }, sub: string) {
  const socket = await openSocket(server, path, server.token({ sub }));
  const first = await socket.next();
  expect(first).toMatchObject({ type: 'admission.waiting', payload: {} });
  const { payload } = await host.socket.next(
    ({ type, payload }) => type === 'waiting.joined' && valueAt(payload, 'participant', 'userId') === sub,
  );
  return { socket, participant: objectAt(payload, 'participant'), clientId: clientIdOf(payload.participant) };
}

const clientIdOf = (participant: Json | undefined) => String(valueAt(participant, 'clientId'));
const typesOf = (frames: readonly Frame[]) => frames.map(({ type }) => type);

test('who waits receives nothing of the room until a host lets it in', async () => {
  const server = await startServer();
  const { path, host, guest } = await guarded(server);
  const carol = await knock(server, path, host, 'carol');
  expect(carol.participant).toMatchObject({ role: 'waiting', isHost: false, order: 0 });

  // A busy room: of all this nothing goes to who waits.
  await guest.socket.ask('chat.send', { text: 'psst' });
  await host.socket.ask('presence.update', { handRaised: true });
  await host.socket.ask('signal.data', { topic: 'all', data: 1 });
  for (const type of ['chat.send', 'presence.list', 'signal.offer', 'room.update']) {
    const payloads = {
      'chat.send': { text: 'let me in' },
      'signal.offer': { to: host.clientId, sdp: 'v=0' },
      'room.update': { locked: true },
    } as Readonly<Record<string, object>>;
    const answer = await carol.socket.ask(type, payloads[type] ?? {});
    expect(answer.payload).toMatchObject({ code: 'not_allowed', retryable: false });
  }
  carol.socket.send({ type: 'session.ping', payload: { t: 1 } });
  await carol.socket.next('session.pong');
  const offer = await host.socket.ask('signal.offer', { to: carol.clientId, sdp: 'v=0' });
  expect(offer.payload.code).toBe('peer_not_found');
  expect(typesOf(carol.socket.frames)).toEqual([
    'admission.waiting',
    ...Array.from({ length: 4 }, () => 'error'),
    'session.pong',
  ]);
  expect((await guest.socket.ask('presence.list')).payload.participants).toHaveLength(2);
  expect(typesOf(guest.socket.frames)).not.toContain('waiting.joined');

  const admitted = await host.socket.ask('waiting.decide', { clientId: carol.clientId, decision: 'admit' });
  expect(admitted.type).toBe('ack');
  const { payload: welcome } = await carol.socket.next('session.welcome');
  expect(welcome).toMatchObject({
    self: { clientId: carol.clientId, role: 'participant', order: 3 },
    rosterTotal: 3,
  });
  expect(await guest.socket.next('presence.joined')).toMatchObject({
    payload: { participants: [{ clientId: carol.clientId, role: 'participant' }] },
  });
  expect((await carol.socket.ask('chat.history')).payload.messages).toHaveLength(1);
  // The one who decided knows; another decision comes too late.
  expect(typesOf(host.socket.frames)).not.toContain('waiting.left');
  const again = await host.socket.ask('waiting.decide', { clientId: carol.clientId, decision: 'deny' });
  expect(again.payload.code).toBe('peer_not_found');
});

test('who is turned away is told why, and closed with 4509', async () => {
  const server = await startServer();
  const { path, host, guest } = await guarded(server);
  const dave = await knock(server, path, host, 'dave');
  const { clientId } = dave;
  expect((await guest.socket.ask('waiting.decide', { clientId, decision: 'admit' })).payload.code).toBe(
    'not_allowed',
  );
  await host.socket.ask('waiting.decide', { clientId, decision: 'deny', reason: 'not on the list' });
  expect((await dave.socket.next('admission.denied')).payload).toEqual({ reason: 'not on the list' });
  expect(await dave.socket.closed).toEqual({ code: 4509, reason: 'admission_denied' });
  expect(typesOf(dave.socket.frames)).toEqual(['admission.waiting', 'admission.denied']);
  expect((await admin(server, 'GET', `/connections/${clientId}`)).status).toBe(404);
});

test('a host keeps out who will not stop knocking', async () => {
  const server = await startServer();
  const { path, host } = await guarded(server);
  const mallory = await knock(server, path, host, 'mallory');
  const kick = { clientId: mallory.clientId, banSeconds: 60 };
  expect((await host.socket.ask('participant.kick', kick)).type).toBe('ack');
  expect((await mallory.socket.next('session.kicked')).payload).toMatchObject({ by: 'host' });
  expect((await mallory.socket.closed).code).toBe(4500);
  await expect(openSocket(server, path, server.token({ sub: 'mallory' }))).rejects.toThrow(/403.*banned/);
});

test('letting many in at once makes few frames', async () => {
  const server = await startServer({ PRESENCE_BATCH_MS: '50' });
  const { path, host, guest } = await guarded(server);
  const crowd = await Promise.all(
    Array.from({ length: 60 }, (_, n) => openSocket(server, path, server.token({ sub: `w${n}` }))),
  );
  await Promise.all(crowd.map((socket) => socket.next('admission.waiting')));
  await host.socket.ask('waiting.decide', { clientId: 'all', decision: 'admit' });
  const isComplete = async () => {
    const { payload } = await guest.socket.ask('presence.list', {});
    return Array.isArray(payload.participants) && payload.participants.length === 62;
  };
  expect(await isComplete()).toBe(true);
  const known = new Set<string>();
  let frames = 0;
  for (; known.size < 60; frames += 1) {
    const { participants } = (await guest.socket.next('presence.joined')).payload;
    for (const one of Array.isArray(participants) ? participants : []) known.add(clientIdOf(one));
  }
  expect(frames).toBeLessThan(5);
});

test('every host hears who waits, and who became host while they waited is told', async () => {
  const server = await startServer();
  const { path, host, guest } = await guarded(server);
  const erin = await knock(server, path, host, 'erin');
  await host.socket.ask('host.grant', { to: guest.clientId });
  expect((await guest.socket.next('waiting.joined')).payload.participant).toMatchObject({
    clientId: erin.clientId,
  });
  const boss = await join(server, path, server.token({ sub: 'boss', host: true }));
  expect((await boss.socket.next('waiting.joined')).payload.participant).toMatchObject({ userId: 'erin' });

  await guest.socket.ask('waiting.decide', { clientId: 'all', decision: 'admit' });
  for (const { socket } of [host, boss]) {
    expect((await socket.next('waiting.left')).payload).toEqual({ clientId: erin.clientId });
  }
  await erin.socket.next('session.welcome');
  // Whoever goes while waiting is missed by the hosts alone.
  const frank = await knock(server, path, host, 'frank');
  await frank.socket.close();
  expect((await boss.socket.next('waiting.left')).payload).toEqual({ clientId: frank.clientId });
  await erin.socket.ask('presence.list');
  expect(typesOf(erin.socket.frames)).not.toContain('presence.left');
});

test('an open door lets in all who wait, and a token that makes host never waits', async () => {
  const server = await startServer();
  const { path, host, guest } = await guarded(server);
  const waiting = [await knock(server, path, host, 'w1'), await knock(server, path, host, 'w2')];
  const late = await openSocket(server, path, server.token({ sub: 'late' }));
  await late.next('admission.waiting');
  const refreshed = await late.ask('session.refreshToken', {
    token: server.token({ sub: 'late', host: true, iat: 1 }),
  });
  expect(refreshed.type).toBe('session.tokenRefreshed');
  expect((await late.next('session.welcome')).payload.self).toMatchObject({ role: 'host', order: 3 });

  await host.socket.ask('room.update', { admission: 'open' });
  const orders = await Promise.all(
    waiting.map(async ({ socket }) =>
      valueAt((await socket.next('session.welcome')).payload, 'self', 'order'),
    ),
  );
  expect(orders).toEqual([4, 5]); // whoever waited longer comes first
  await expect
    .poll(() => typesOf(guest.socket.frames).filter((type) => type === 'presence.joined'))
    .toHaveLength(3);
  await join(server, path, server.token({ sub: 'newcomer' }));
});

test('the admin sees who waits, speaks to them, and puts them out', async () => {
  const server = await startServer();
  const { path, host } = await guarded(server, 'watched');
  const [gina, hal] = [await knock(server, path, host, 'gina'), await knock(server, path, host, 'hal')];
  const { clientId } = gina;
  const active = await (await admin(server, 'GET', '/connections/active')).json();
  expect(active.map(({ userId }: { userId: string }) => userId)).toEqual(['host', 'guest', 'gina', 'hal']);
  const broadcast = await admin(server, 'POST', '/connections/rooms/watched/broadcast', { message: 'soon' });
  expect(await broadcast.json()).toMatchObject({ delivered: 4 });
  expect((await gina.socket.next('notice')).payload).toMatchObject({ message: 'soon' });
  expect((await admin(server, 'POST', `/connections/${clientId}/kick`)).status).toBe(200);
  expect((await gina.socket.closed).code).toBe(4500);
  expect((await host.socket.next('waiting.left')).payload).toEqual({ clientId });
  const closed = await admin(server, 'POST', '/connections/rooms/watched/close');
  expect(await closed.json()).toMatchObject({ disconnected: 3 });
  expect(await hal.socket.closed).toEqual({ code: 4502, reason: 'room_closed' });
});

test('when the last participant goes, nobody is left to let anybody in', async () => {
  const server = await startServer();
  const { path, host, guest } = await guarded(server);
  const ivan = await knock(server, path, host, 'ivan');
  await host.socket.close();
  // The one who follows as host can still admit, and knows whom.
  expect((await guest.socket.next('waiting.joined')).payload.participant).toMatchObject({ userId: 'ivan' });
  await guest.socket.ask('session.leave');
  expect((await ivan.socket.next('room.closed')).payload).toEqual({ by: 'empty' });
  expect(await ivan.socket.closed).toEqual({ code: 4502, reason: 'room_closed' });
  // The room begins anew, with its door open.
  const { welcome } = await join(server, path, server.token({ sub: 'ivan' }));
  expect(welcome.payload.room).toMatchObject({ admission: 'open', participantCount: 1 });
});

test('so many may wait and no more', async () => {
  const server = await startServer({ MAX_ROOM_SIZE: '4' });
  const { path, host } = await guarded(server);
  await knock(server, path, host, 'one');
  await knock(server, path, host, 'two');
  await expect(openSocket(server, path, server.token({ sub: 'three' }))).rejects.toThrow(
    /refused with 403.*"code":"room_full"/,
  );
});
