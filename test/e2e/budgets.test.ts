import { expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import { join, type TestSocket } from '../support/socket.ts';

/** A server whose clock stands still until the test turns it, and which takes the jumps for no silence. */
async function startWithClock() {
  let now = Date.now();
  const env = { HEARTBEAT_INTERVAL_MS: '100000', HEARTBEAT_TIMEOUT_MS: '10000000' };
  const server = await startServer(env, { now: () => now });
  const turn = (ms: number) => {
    now += ms;
  };
  return { server, turn };
}

/** Sends so many at once, and says how many went through and what the last was told. */
async function burst(socket: TestSocket, count: number, message: { type: string; payload: object }) {
  const from = socket.frames.length;
  for (let n = 0; n < count; n += 1) socket.send({ ...message, id: `b${from}-${n}` });
  await socket.next(({ replyTo }) => replyTo === `b${from}-${count - 1}`);
  const answers = socket.frames.slice(from).filter(({ replyTo }) => replyTo?.startsWith(`b${from}-`));
  return { through: answers.filter(({ type }) => type === 'ack').length, last: answers.at(-1) };
}

test('each class has a budget of its own; what is over it is told when to come again, and reaches nobody', async () => {
  const { server, turn } = await startWithClock();
  const alice = await join(server, '/ws/zoom/budget', server.token());
  const bob = await join(server, '/ws/zoom/budget', server.token());
  const chat = await burst(alice.socket, 25, { type: 'chat.send', payload: { text: 'x' } });
  expect(chat.through).toBe(20);
  expect(chat.last?.payload).toMatchObject({ code: 'rate_limited', retryable: true, retryAfterMs: 200 });
  const offer = { type: 'signal.offer', payload: { to: bob.clientId, sdp: 'v=0' } };
  expect((await burst(alice.socket, 205, offer)).through).toBe(200);
  const hand = { type: 'presence.update', payload: { handRaised: true } };
  expect((await burst(alice.socket, 21, hand)).through).toBe(20);
  turn(1000);
  expect((await burst(alice.socket, 8, { type: 'chat.send', payload: { text: 'y' } })).through).toBe(5);
  await bob.socket.ask('presence.list');
  expect(bob.socket.frames.filter(({ type }) => type === 'chat.message')).toHaveLength(25);
});

test('what was refused for its budget goes through under the same id, later', async () => {
  const { server, turn } = await startWithClock();
  const { socket } = await join(server, '/ws/chat/later', server.token());
  await burst(socket, 20, { type: 'chat.send', payload: { text: 'x' } });
  const message = { type: 'chat.send', id: 'again', payload: { text: 'y' } };
  socket.send(message);
  expect((await socket.next('error')).payload.code).toBe('rate_limited');
  turn(200);
  socket.send(message);
  expect((await socket.next(({ replyTo }) => replyTo === 'again')).type).toBe('ack');
});

test('leaving is never behind a flood', async () => {
  const { server } = await startWithClock();
  const { socket } = await join(server, '/ws/chat/flood', server.token());
  await burst(socket, 30, { type: 'presence.update', payload: { handRaised: true } });
  await burst(socket, 30, { type: 'chat.send', payload: { text: 'x' } });
  expect((await socket.ask('session.leave')).type).toBe('ack');
  expect((await socket.closed).code).toBe(1000);
});

test('who goes on for ten seconds is closed; who comes back and does it again is kept out, longer each time', async () => {
  const { server, turn } = await startWithClock();
  const token = server.token({ sub: 'flooder' });
  const floodOnce = async () => {
    const { socket } = await join(server, '/ws/chat/flood', token);
    const hand = { type: 'presence.update', payload: { handRaised: true } };
    await burst(socket, 21, hand);
    for (let second = 0; second < 10; second += 1) {
      turn(1000);
      if (second < 9) await burst(socket, 7, hand);
      else for (let n = 0; n < 7; n += 1) socket.send(hand);
    }
    return socket.closed;
  };
  expect(await floodOnce()).toEqual({ code: 4005, reason: 'rate_limited' });
  expect(await floodOnce()).toEqual({ code: 4005, reason: 'rate_limited' });
  await expect(join(server, '/ws/chat/flood', token)).rejects.toThrow(
    /refused with 429.*"policy":"socket-floods","level":1/,
  );
  const preflight = await fetch(`${server.url}/api/ws/chat/flood/preflight?token=${token}`);
  expect([preflight.status, preflight.headers.get('retry-after')]).toEqual([429, '60']);
  await join(server, '/ws/chat/flood', server.token({ sub: 'somebody else' }));
  turn(60_000);
  await floodOnce();
  await floodOnce();
  await expect(join(server, '/ws/chat/flood', token)).rejects.toThrow(/"level":2/);
});

test('a pause makes good: only going on without one is a flood', async () => {
  const { server, turn } = await startWithClock();
  const { socket } = await join(server, '/ws/chat/pauses', server.token());
  const hand = { type: 'presence.update', payload: { handRaised: true } };
  await burst(socket, 21, hand);
  for (let n = 0; n < 10; n += 1) {
    turn(1500);
    await burst(socket, 9, hand);
  }
  expect((await socket.ask('chat.send', { text: 'still here' })).type).toBe('ack');
});

test('repeats count: an id that comes again and again is over the budget too', async () => {
  const { server } = await startWithClock();
  const { socket } = await join(server, '/ws/chat/repeats', server.token());
  for (let n = 0; n < 25; n += 1) socket.send({ type: 'chat.send', id: 'same', payload: { text: 'x' } });
  socket.send({ type: 'presence.list', id: 'end', payload: {} });
  await socket.next(({ replyTo }) => replyTo === 'end');
  const types = socket.frames.filter(({ replyTo }) => replyTo === 'same').map(({ type }) => type);
  expect(types).toEqual([...Array(20).fill('ack'), ...Array(5).fill('error')]);
});
