import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Listen } from '../../src/cluster/listener.ts';
import { Subscriptions } from '../../src/cluster/subscriptions.ts';
import type { NodeMessage } from '../../src/rooms/broker.ts';
import type { Place } from '../../src/rooms/connection.ts';
import { startProxy } from '../support/proxy.ts';
import { startRedis } from '../support/redis.ts';
import { briefly, startNode } from './broker-rig.ts';

const room: Place = { roomId: 'r', channel: 'chat' };
const announcement = (text: string): NodeMessage => ({ kind: 'announce', frame: { text, volatile: false } });
const patiently = { timeout: 10_000, interval: 10 };

/** Two nodes on one Redis; of the second, the connection that listens goes through a proxy. */
async function startPair() {
  const server = await startRedis();
  const proxy = await startProxy(server.port);
  const listenUrls = [`redis://127.0.0.1:${proxy.port}`];
  const one = await startNode([server.url], 'test:', { windows: briefly });
  const two = await startNode([server.url], 'test:', { windows: briefly, listenUrls });
  await Promise.all([one.broker.follow(room), two.broker.follow(room)]);
  const texts = () =>
    two.received.map(({ message }) => ('frame' in message ? message.frame?.text : undefined));
  return { server, proxy, one, two, texts };
}

test.each([
  ['both ways', {}],
  ['of what it is to hear', { only: 'down' } as const],
])('a stall %s of the connection that listens: noticed, and made good once it is over', async (_, way) => {
  const { proxy, one, two, texts } = await startPair();
  one.broker.publish(room, announcement('before'));
  await expect.poll(texts, patiently).toEqual(['before']);
  await proxy.set({ kind: 'stall', ...way });
  const startedAt = performance.now();
  one.broker.publish(room, announcement('lost'));
  await expect.poll(() => two.subscriptions.delivering, patiently).toBe(false);
  // Within the silence; the rest is for a busy machine.
  expect(performance.now() - startedAt).toBeLessThan(briefly.silenceMs + 2 * briefly.probeMs + 200);
  expect(two.reports).toEqual([{ type: 'delivery.silent', error: expect.any(Error) }]);
  expect(one.subscriptions.delivering).toBe(true);

  // It goes on trying; where a network is cut, the other side does not hear that a connection was left.
  await expect.poll(() => proxy.open, patiently).toBe(3);
  expect(two.gaps.count).toBe(0);

  await proxy.set({ kind: 'pass' });
  await expect.poll(() => two.subscriptions.delivering, patiently).toBe(true);
  expect([two.gaps.count, two.subscriptions.gaps]).toEqual([1, 1]);
  expect(two.reports.slice(1)).toEqual([{ type: 'delivery.restored', afterMs: expect.any(Number) }]);
  one.broker.publish(room, announcement('after'));
  one.broker.send(two.id.now, room, announcement('directly'));
  await expect.poll(texts, patiently).toEqual(['before', 'after', 'directly']);
  await expect.poll(() => proxy.open, patiently).toBe(1);
  expect([one.gaps.count, one.reports]).toEqual([0, []]);
});

test('a connection that breaks is replaced at once, and that is a gap too', async () => {
  const { proxy, one, two, texts } = await startPair();
  for (let cuts = 1; cuts <= 3; cuts += 1) {
    proxy.cut();
    await expect.poll(() => two.gaps.count, patiently).toBe(cuts);
    expect(two.subscriptions.delivering).toBe(true);
    one.broker.publish(room, announcement(`${cuts}`));
    await expect.poll(() => texts().at(-1), patiently).toBe(`${cuts}`);
  }
  expect(texts()).toEqual(['1', '2', '3']);
  const told = two.reports.map(({ type }) => type);
  expect(told).toEqual(Array(3).fill(['delivery.silent', 'delivery.restored']).flat());
  await expect.poll(() => proxy.open, patiently).toBe(1);
});

test('Redis is killed and comes back empty: what was followed is followed again', async () => {
  const { server, one, two, texts } = await startPair();
  await server.kill();
  await expect.poll(() => two.subscriptions.delivering, patiently).toBe(false);
  two.broker.unfollow({ roomId: 'r', channel: 'zoom' });
  await expect(async () => two.broker.follow({ roomId: 's', channel: 'chat' })).rejects.toThrow();
  await startRedis(server.port);
  for (const { subscriptions } of [one, two]) {
    await expect.poll(() => subscriptions.delivering, patiently).toBe(true);
  }
  expect([one.gaps.count, two.gaps.count]).toEqual([1, 1]);
  await expect
    .poll(() => {
      one.broker.publish(room, announcement('after'));
      return texts().at(-1);
    }, patiently)
    .toBe('after');
  expect(await one.redis.command('PUBSUB', 'CHANNELS', 'test:{r}*')).toHaveLength(3);
  expect(await one.redis.command('PUBSUB', 'CHANNELS', 'test:{s}*')).toEqual([]);
});

test('Redis hangs, and goes on', async () => {
  const { server, one, two, texts } = await startPair();
  process.kill(server.pid, 'SIGSTOP');
  for (const { subscriptions } of [one, two]) {
    await expect.poll(() => subscriptions.delivering, patiently).toBe(false);
  }
  await expect(async () => two.broker.follow({ roomId: 's', channel: 'chat' })).rejects.toThrow();
  process.kill(server.pid, 'SIGCONT');
  for (const { subscriptions } of [one, two]) {
    await expect.poll(() => subscriptions.delivering, patiently).toBe(true);
  }
  await two.broker.follow({ roomId: 's', channel: 'chat' });
  one.broker.publish(room, announcement('after'));
  await expect.poll(() => texts().at(-1), patiently).toBe('after');
});

test('many channels are heard again after a break, but for those left meanwhile', async () => {
  const { proxy, one, two, texts } = await startPair();
  const rooms = Array.from({ length: 3_000 }, (_, n) => ({ roomId: `r${n}`, channel: 'chat' }) as const);
  for (let n = 0; n < rooms.length; n += 100) {
    await Promise.all(rooms.slice(n, n + 100).map((each) => two.broker.follow(each)));
  }
  await proxy.set({ kind: 'refuse' });
  await expect.poll(() => two.subscriptions.delivering, patiently).toBe(false);
  for (const each of rooms.slice(0, 1_000)) two.broker.unfollow(each);
  await proxy.set({ kind: 'pass' });
  await expect.poll(() => proxy.open, patiently).toBe(1);
  for (const each of rooms.slice(1_000, 2_000)) two.broker.unfollow(each); // some while it subscribes
  await expect.poll(() => two.gaps.count, patiently).toBe(1);
  for (const each of rooms) one.broker.publish(each, announcement(each.roomId));
  const left = rooms.slice(2_000).map(({ roomId }) => roomId);
  await expect.poll(texts, patiently).toEqual(left);
  expect(two.subscriptions.size).toBe(2 * 1_001);
});

test('a process that hung itself does not take that for silence', async () => {
  const { one, two } = await startPair();
  for (let times = 0; times < 3; times += 1) {
    const startedAt = performance.now();
    while (performance.now() - startedAt < 2 * briefly.silenceMs);
    await wait(2 * briefly.probeMs);
  }
  expect([...one.reports, ...two.reports]).toEqual([]);
});

test('while nobody listens it tries ever more rarely, and keeps no connection', async () => {
  const counts = { made: 0, closed: 0 };
  let lose: (error: unknown) => void = () => {};
  let hear: () => void = () => {};
  let isUp = true;
  const listen: Listen = (heard, onLost) => {
    counts.made += 1;
    lose = onLost;
    return {
      connect: () => (isUp ? Promise.resolve() : Promise.reject(new Error('down'))),
      subscribe: async ([probe]) => {
        hear = () => heard(probe ?? '', '');
      },
      unsubscribe: () => {},
      tags: () => ['probe'],
      close: () => {
        counts.closed += 1;
      },
    };
  };
  const pauses: number[] = [];
  const later = (run: () => void, ms: number) => {
    if (ms === briefly.probeMs) return;
    pauses.push(ms);
    if (pauses.length < 50) setImmediate(run);
  };
  const subscriptions = new Subscriptions(
    { publishCommand: 'PUBLISH', publish: async () => hear() },
    listen,
    'test:',
    () => {},
    () => {},
    { now: () => performance.now(), later },
    briefly,
  );
  await subscriptions.start();
  isUp = false;
  lose(new Error('down'));
  await expect.poll(() => pauses.length, patiently).toBe(50);
  expect(counts).toEqual({ made: 51, closed: 51 });
  expect(pauses.slice(0, 4).every((ms, n) => ms >= 25 * 2 ** n && ms <= 50 * 2 ** n)).toBe(true);
  expect(pauses.slice(10).every((ms) => ms >= 500 && ms <= 1_000)).toBe(true);
});
