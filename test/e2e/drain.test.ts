import { expect, test } from 'vitest';
import { LocalBanStore } from '../../src/rooms/local-ban-store.ts';
import { admin } from '../support/admin.ts';
import { upgrade } from '../support/raw.ts';
import { startServer } from '../support/server.ts';
import { join, openSocket, type TestSocket } from '../support/socket.ts';
import { outcome } from './raw-request.ts';

const restarting = { code: 1012, reason: 'restarting' };

/** When a client was told that it goes, in milliseconds from then. */
async function toldOf(socket: TestSocket): Promise<number> {
  const told = await socket.next('session.draining');
  return Number(told.payload.reconnectAfterMs);
}

test('each client is told when its socket will close, and then it does: some at a time, the hosts last', async () => {
  const server = await startServer();
  const crowd = [];
  for (let n = 0; n < 100; n += 1) {
    const client = await join(server, `/ws/zoom/room-${n % 25}`, server.token());
    crowd.push({ ...client, isHost: n < 25, openUntil: 0 });
  }
  for (const client of crowd) {
    client.socket.ws.on('close', () => {
      client.openUntil = performance.now();
    });
  }
  const beganAt = performance.now();
  await server.drain();
  const delays: { delayMs: number; isHost: boolean }[] = [];
  for (const client of crowd) {
    const { socket, isHost } = client;
    const delayMs = await toldOf(socket);
    delays.push({ delayMs, isHost });
    expect(await socket.closed).toEqual(restarting);
    expect(client.openUntil - beganAt).toBeGreaterThanOrEqual(delayMs - 1); // timers round
    expect(socket.frames.filter(({ type }) => type === 'session.draining')).toHaveLength(1);
    // Nobody was made host who went a moment later.
    expect(socket.frames.map(({ type }) => type)).not.toContain('host.changed');
  }
  const [hosts, guests] = [true, false].map((which) =>
    delays.filter(({ isHost }) => isHost === which).map(({ delayMs }) => delayMs),
  );
  expect(Math.max(...(hosts ?? []))).toBeLessThanOrEqual(80);
  expect(Math.min(...(hosts ?? []))).toBeGreaterThanOrEqual(Math.max(...(guests ?? [])));
  expect(new Set(delays.map(({ delayMs }) => delayMs)).size).toBeGreaterThan(2);
});

test('who waits to be let in is told as well', async () => {
  const server = await startServer();
  const host = await join(server, '/ws/zoom/door', server.token());
  await host.socket.ask('room.update', { admission: 'approval' });
  const waiting = await openSocket(server, '/ws/zoom/door', server.token({ sub: 'late' }));
  await waiting.next('admission.waiting');
  await server.drain();
  await toldOf(waiting);
  expect(await waiting.closed).toEqual(restarting);
  await toldOf(host.socket);
});

test('while load balancers have yet to notice, all goes on; then upgrades are refused, and HTTP is not', async () => {
  const server = await startServer({ DRAIN_DELAY_MS: '2500' });
  const alice = await join(server, '/ws/chat/delay', server.token());
  let isDrained = false;
  const drained = server.drain().then(() => {
    isDrained = true;
  });
  const ready = await fetch(`${server.url}/readyz`);
  expect([ready.status, (await ready.json()).code]).toEqual([503, 'draining']);
  expect(ready.headers.get('retry-after')).toBe('5');
  const bob = await join(server, '/ws/chat/delay', server.token({ sub: 'bob' }));
  expect((await bob.socket.ask('chat.send', { text: 'still here' })).type).toBe('ack');
  expect((await alice.socket.next('chat.message')).payload.text).toBe('still here');
  expect(isDrained).toBe(false);

  await toldOf(alice.socket);
  const refused = await upgrade(server, `/ws/chat/delay?token=${server.token()}`);
  expect([outcome(refused), refused.headers['retry-after']]).toEqual(['503 draining', '5']);
  expect(await bob.socket.closed).toEqual(restarting);
  await drained;
  const list = await admin(server, 'GET', '/connections/active');
  expect([list.status, await list.json()]).toEqual([200, []]);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

test('lost sessions end with the server, and a second drain waits for the first', async () => {
  const server = await startServer({ RESUME_WINDOW_MS: '60000' });
  const { socket } = await join(server, '/ws/chat/twice', server.token());
  await Promise.all([server.drain(), server.drain()]);
  await toldOf(socket);
  expect(await socket.closed).toEqual(restarting);
  expect(await (await admin(server, 'GET', '/connections/active')).json()).toEqual([]);
});

/** A server with a list of bans that answers when it is told to. */
async function thoughtful() {
  const gate = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const bans = new LocalBanStore(Date.now);
  bans.list = () => {
    asked.resolve();
    return gate.promise.then(() => []) as never;
  };
  const server = await startServer({}, { bans });
  return { server, asked: asked.promise, answer: gate.resolve };
}

test('a request that came before the end is answered', async () => {
  const { server, asked, answer } = await thoughtful();
  const listing = admin(server, 'GET', '/bans');
  await asked;
  const stopped = server.stop();
  answer();
  expect((await listing).status).toBe(200);
  await stopped;
});

test('a request that takes too long does not hold up the end', async () => {
  const { server, asked } = await thoughtful();
  const listing = admin(server, 'GET', '/bans').catch(() => 'cut off');
  await asked;
  const beganAt = performance.now();
  await server.stop();
  expect(performance.now() - beganAt).toBeGreaterThanOrEqual(999);
  expect(await listing).toBe('cut off');
});
