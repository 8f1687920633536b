import { expect, test } from 'vitest';
import {
  adminClient,
  ConnectionClosed,
  type ConnectOptions,
  connect as connectClient,
  Refused,
} from '../../src/client/index.ts';
import { atScopeEnd } from '../support/scope.ts';
import { startServer } from '../support/server.ts';

/** Joins, and leaves before the server stops: else the client would come back, to a balancer with nobody behind it. */
async function connect(options: ConnectOptions) {
  const room = await connectClient(options);
  atScopeEnd(() => room.close());
  return room;
}

test('ten lines with signalbox/client join, offer, chat and kick', async () => {
  // The package as it ships: `signalbox/client` is what its exports say, in dist.
  const { tenLines } = await import('./ten-lines.ts');
  const server = await startServer();
  const admin = server.token({ sub: 'root', scope: 'connections:kick' });
  const result = await tenLines(server.url, server.token({ sub: 'a' }), server.token({ sub: 'b' }), admin);
  expect(result).toBe('36 Client disconnected 4500');
});

test('a refused message rejects with its code and a pointer to the fault', async () => {
  const server = await startServer();
  const room = await connect({ url: server.url, channel: 'chat', roomId: 'sdk', token: server.token() });
  const error = await room.chat.send({ text: '' }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Refused);
  expect(error).toMatchObject({
    code: 'invalid_message',
    retryable: false,
    errors: [{ pointer: '/payload/text' }],
  });
  await expect(room.signal.hangup({ to: 'client_x' })).rejects.toMatchObject({ code: 'not_allowed' });
  await room.session.leave({});
  expect(await room.closed).toMatchObject({ closeCode: 1000 });
  await expect(room.chat.send({ text: 'late' })).rejects.toBeInstanceOf(ConnectionClosed);
});

test('answers with a payload of their own resolve with it; listeners end when told', async () => {
  const server = await startServer();
  const room = await connect({ url: server.url, channel: 'chat', roomId: 'sdk', token: server.token() });
  expect(await room.session.ping({ t: 3 })).toMatchObject({ t: 3 });
  expect((await room.presence.list({})).participants).toHaveLength(1);
  const heard: string[] = [];
  const end = room.on('chat.message', ({ payload }) => heard.push(payload.text));
  await room.chat.send({ text: 'one' });
  end();
  await room.chat.send({ text: 'two' });
  await room.presence.list({});
  expect(heard).toEqual(['one']);
  room.close();
});

test('a refused upgrade rejects; pending messages reject when the connection ends', async () => {
  const server = await startServer();
  const refused = connect({ url: server.url, channel: 'chat', roomId: 'sdk', token: 'no.such.token' });
  await expect(refused).rejects.toMatchObject({ closeCode: 1006 });
  const room = await connect({ url: server.url, channel: 'chat', roomId: 'sdk', token: server.token() });
  const pending = Promise.allSettled([room.session.leave({}), room.presence.list({})]);
  expect(await pending).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { closeCode: 1000 } },
  ]);
});

test('a client that must wait is connected when a host lets it in, and refused when a host says so', async () => {
  const server = await startServer();
  const place = { url: server.url, channel: 'zoom', roomId: 'guarded' } as const;
  const host = await connect({ ...place, token: server.token({ sub: 'host' }) });
  await host.room.update({ admission: 'approval' });
  const decide = (decision: 'admit' | 'deny') => () =>
    void host.waiting.decide({ clientId: 'all', decision, reason: 'so I say' });
  const guest = await connect({
    ...place,
    token: server.token({ sub: 'guest' }),
    onWaiting: decide('admit'),
  });
  expect(guest.welcome.self).toMatchObject({ userId: 'guest', role: 'participant' });
  await expect(
    connect({ ...place, token: server.token({ sub: 'other' }), onWaiting: decide('deny') }),
  ).rejects.toMatchObject({ closeCode: 4509, because: { reason: 'so I say' } });
});

test('the admin client tells a refusal from an answer', async () => {
  const server = await startServer();
  const { data, error, response } = await adminClient(server.url, server.token()).GET(
    '/api/connections/active',
  );
  expect([data, response.status, error?.code]).toEqual([undefined, 403, 'insufficient_scope']);
});

test('every method sends what the contract takes', async () => {
  const server = await startServer({ MESSAGE_BUDGET_SCALE: '10' });
  const options = { url: `${server.url}/`, channel: 'zoom', roomId: 'all' } as const;
  const host = await connect({ ...options, token: server.token({ sub: 'host', host: true }) });
  const guest = await connect({ ...options, token: server.token({ sub: 'guest' }) });
  const to = guest.welcome.self.clientId;
  const candidates = [{ candidate: '' }];
  await host.signal.offer({ to, sdp: 'v=0' });
  await host.signal.answer({ to, sdp: 'v=0' });
  await host.signal.candidate({ to, candidates });
  await host.signal.hangup({ to });
  await host.signal.data({ topic: 'x', data: null });
  await host.presence.update({ handRaised: true });
  await host.media.update({ mic: 'live' });
  await host.media.muteRequest({ to: 'all', source: 'mic' });
  const { shareId } = await host.screen.start({});
  await host.screen.stop({ shareId });
  const { messageId } = await host.chat.send({ text: 'x' });
  await host.chat.edit({ messageId, text: 'y' });
  expect((await host.chat.history({})).messages).toHaveLength(1);
  await host.chat.delete({ messageId });
  expect(await host.chat.typing({ state: 'start' })).toBeUndefined();
  await host.host.grant({ to });
  await host.host.revoke({ to });
  await host.room.update({ locked: true });
  expect(await host.ice.refresh({})).toEqual({ iceServers: [] });
  await host.session.refreshToken({ token: server.token({ sub: 'host', host: true }) });
  await host.participant.kick({ clientId: to });
  expect((await guest.closed).closeCode).toBe(4500);
  await host.room.close({});
  expect((await host.closed).closeCode).toBe(4502);
});

test('pings that have the same time are each answered', async () => {
  const server = await startServer();
  const room = await connect({ url: server.url, channel: 'chat', roomId: 'p', token: server.token() });
  expect(await Promise.all([1, 1, 2].map((t) => room.session.ping({ t })))).toMatchObject([
    { t: 1 },
    { t: 1 },
    { t: 2 },
  ]);
  room.close();
});

test('what comes together with the welcome is heard by who listens right after it', async () => {
  const server = await startServer();
  const options = { url: server.url, channel: 'chat', roomId: 'early' } as const;
  await connect({ ...options, token: server.token({ sub: 'first' }) });
  const second = await connect({ ...options, token: server.token({ sub: 'second', host: true }) });
  const hosts = new Promise((resolve) => second.on('host.changed', ({ payload }) => resolve(payload.reason)));
  expect(await hosts).toBe('joined');
});

test('an address or a token that cannot be one rejects', async () => {
  const options = { channel: 'chat', roomId: 'x' } as const;
  await expect(connect({ ...options, url: 'nonsense', token: 'a.b.c' })).rejects.toThrow();
  await expect(connect({ ...options, url: 'ws://127.0.0.1:1', token: 'not a token' })).rejects.toThrow();
});
