import { expect, test } from 'vitest';
import { listenTo } from '../../src/cluster/listener.ts';
import { connectRedis, script } from '../../src/cluster/redis.ts';
import { freePort } from '../support/free-port.ts';
import { startProxy } from '../support/proxy.ts';
import { connectTo, connectToAll, startClusterServer, startRedis } from '../support/redis.ts';
import { atScopeEnd } from '../support/scope.ts';

test('commands and scripts reach a real Redis', async () => {
  const redis = await connectTo(await startRedis());
  await redis.command('SET', 'a', 1);
  const add = script('return redis.call("INCRBY", KEYS[1], ARGV[1])');
  for (const sum of [3, 5]) expect(await redis.run(add, ['a'], [2])).toBe(sum); // unknown to Redis, and then known
  expect(await redis.command('GET', 'a')).toBe('5');
});

test('a process that hung itself does not take it for a Redis that is late', async () => {
  const redis = await connectTo(await startRedis());
  const answer = redis.command('GET', 'a');
  await new Promise((resolve) => setImmediate(resolve)); // sent
  const startedAt = performance.now();
  while (performance.now() - startedAt < 300);
  expect(await answer).toBeNull();
});

test('an address where nobody answers is an error, and not a wait', async () => {
  const url = `redis://127.0.0.1:${await freePort()}`;
  await expect(connectRedis([url], { onError: () => {} })).rejects.toThrow(/ECONNREFUSED/);
});

test('what waits for a Redis that hangs is bounded, and is over when the connection is', async () => {
  const server = await startRedis();
  const redis = await connectTo(server);
  process.kill(server.pid, 'SIGSTOP');
  const answers = await Promise.allSettled(Array.from({ length: 12_000 }, () => redis.command('GET', 'a')));
  const reasons = new Set(
    answers.map((answer) => (answer.status === 'rejected' ? String(answer.reason) : 'ok')),
  );
  expect([...reasons].some((reason) => reason.includes('queue is full'))).toBe(true);
  process.kill(server.pid, 'SIGCONT');
});

test('a Redis that is gone refuses at once, one that is stopped within a tenth of a second or so', async () => {
  const server = await startRedis();
  const redis = await connectTo(server);
  process.kill(server.pid, 'SIGSTOP');
  const startedAt = performance.now();
  await expect(redis.command('GET', 'a')).rejects.toThrow();
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  process.kill(server.pid, 'SIGCONT');
  await server.kill();
  await expect(redis.command('GET', 'a')).rejects.toThrow();
  // It comes back by itself, to whatever comes back there.
  await startRedis(server.port);
  const deadline = performance.now() + 5_000;
  for (;;) {
    const value = await redis.command('GET', 'a').catch(() => undefined);
    if (value === null) break;
    expect(performance.now()).toBeLessThan(deadline);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('a connection that was cut without a word is left, though it is written to all the time', async () => {
  const server = await startRedis();
  const proxy = await startProxy(server.port);
  const redis = await connectTo({ url: `redis://127.0.0.1:${proxy.port}` });
  await proxy.set({ kind: 'stall' });
  const get = () =>
    redis.command('GET', 'a').then(
      () => true,
      () => false,
    );
  // It makes another one, for which the way is free.
  await expect.poll(async () => (await get()) || proxy.open > 1, { timeout: 12_000 }).toBe(true);
  await proxy.set({ kind: 'pass' });
  await expect.poll(get, { timeout: 5_000 }).toBe(true);
}, 20_000);

test('each connection makes a Redis Cluster know the scripts, before anything else is asked of it', async () => {
  const { url } = await startClusterServer();
  const add = script('return redis.call("INCRBY", KEYS[1], ARGV[1] * 2)');
  const one = await connectToAll([url, url]);
  expect(await one.run(add, ['a'], [1])).toBe(2);
  await one.command('SCRIPT', 'FLUSH');
  const two = await connectToAll([url, url]);
  expect(await two.run(add, ['a'], [1])).toBe(4);
  expect(String(await two.command('INFO', 'commandstats'))).not.toContain('cmdstat_eval:');
});

test('the password of a Redis Cluster opens every machine that it names', async () => {
  const { url, port } = await startClusterServer();
  await (await connectTo({ url })).command('CONFIG', 'SET', 'requirepass', 'p@ss');
  const address = `redis://:p%40ss@127.0.0.1:${port}`;
  const redis = await connectToAll([address, address]);
  expect(await redis.command('SET', 'a', 1)).toBe('OK');
  const heard: string[] = [];
  const listener = listenTo([address, address])(
    (_channel, text) => heard.push(text),
    () => {},
  );
  atScopeEnd(() => listener.close());
  await listener.connect();
  await listener.subscribe(['news']);
  await redis.publish('news', 'hello');
  await expect.poll(() => heard).toEqual(['hello']);
});
