import { expect, test } from 'vitest';
import { sayingDegraded } from '../../src/cluster/degraded.ts';
import { fenced } from '../../src/cluster/fence.ts';
import { script } from '../../src/cluster/redis.ts';
import { connectTo, startRedis } from '../support/redis.ts';

const degraded = expect.objectContaining({ code: 'degraded', cause: expect.any(Error) });
const write = script(`return redis.call('SET', KEYS[1], 'a')`);

test('what Redis answers is passed on, and so is what a script of ours refuses or does wrong', async () => {
  const redis = sayingDegraded(await connectTo(await startRedis()));
  expect(await redis.run(write, ['a'], [])).toBe('OK');
  expect(await redis.command('GET', 'a')).toBe('a');
  await expect(redis.command('LLEN', 'a')).rejects.toThrow(/^WRONGTYPE/);
  await expect(redis.run(script(`return redis.error_reply('REFUSED it')`), ['a'], [])).rejects.toThrow(
    /^REFUSED/,
  );
  await expect(redis.run(script('return nothing.at_all'), ['a'], [])).rejects.toThrow(/user_script/);
});

test('a node whose lease is over is cut off: degraded', async () => {
  const redis = sayingDegraded(await connectTo(await startRedis()));
  const late = script(`${fenced} return redis.call('SET', KEYS[1], 1)`);
  await expect(redis.run(late, ['a'], [Date.now() - 1_000])).rejects.toEqual(degraded);
  expect(await redis.command('GET', 'a')).toBeNull();
});

test('a Redis that cannot serve is degraded: full, or a replica', async () => {
  const redis = sayingDegraded(await connectTo(await startRedis()));
  await redis.command('CONFIG', 'SET', 'maxmemory', 1);
  await expect(redis.command('SET', 'a', 1)).rejects.toEqual(degraded);
  await expect(redis.run(write, ['a'], [])).rejects.toEqual(degraded);
  await redis.command('CONFIG', 'SET', 'maxmemory', 0);
  await redis.command('REPLICAOF', '127.0.0.1', 1);
  await expect(redis.run(write, ['a'], [])).rejects.toEqual(degraded);
});

test('one that hangs is degraded within a tenth of a second or so, one that is gone at once', async () => {
  const server = await startRedis();
  const redis = sayingDegraded(await connectTo(server));
  process.kill(server.pid, 'SIGSTOP');
  const startedAt = performance.now();
  await expect(redis.run(write, ['a'], [])).rejects.toEqual(degraded);
  expect(performance.now() - startedAt).toBeLessThan(2_000); // the rest is for a busy machine
  process.kill(server.pid, 'SIGCONT');
  await server.kill();
  await expect(redis.command('GET', 'a')).rejects.toEqual(degraded);
});
