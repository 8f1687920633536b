import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { SignalboxProcess, sayingLoads } from '../support/process.ts';
import { startRedis } from '../support/redis.ts';
import { jwtSecret } from '../support/token.ts';

const env = { JWT_SECRET: jwtSecret, HOST: '127.0.0.1', ...sayingLoads(/^redis$|\/cluster\//) };

test('without REDIS_URL nothing of it is even loaded', async () => {
  const child = new SignalboxProcess([], env);
  await child.prints(/server\.started/);
  child.child.kill('SIGTERM');
  const { code, stdout } = await child.finished;
  expect([code, stdout]).toEqual([0, expect.not.stringContaining('LOADS')]);
});

test('with it, it is', async () => {
  const { url } = await startRedis();
  const child = new SignalboxProcess([], { ...env, REDIS_URL: url });
  await child.prints(/server\.started/);
  child.child.kill('SIGTERM');
  const { code, stdout } = await child.finished;
  expect([code, stdout]).toEqual([0, expect.stringMatching(/LOADS redis\n/)]);
});

test('a start that cannot listen leaves the cluster, and ends', async () => {
  const { url } = await startRedis();
  const taken = new SignalboxProcess([], { ...env, REDIS_URL: url });
  const [, PORT = ''] = await taken.prints(/"url":"http:\/\/[\d.]+:(\d+)"/);
  const second = new SignalboxProcess([], { JWT_SECRET: jwtSecret, HOST: '127.0.0.1', PORT, REDIS_URL: url });
  const { code, stderr } = await second.finished;
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^signalbox: HOST, PORT: cannot listen: .+\n$/)]);
});

test('where no Redis answers, the start ends with one line that names the setting and not its password', async () => {
  const REDIS_URL = `redis://:secret@127.0.0.1:${await freePort()}`;
  const { code, stdout, stderr } = await new SignalboxProcess([], { JWT_SECRET: jwtSecret, REDIS_URL })
    .finished;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^signalbox: REDIS_URL: .+\n$/);
  expect(stdout + stderr).not.toContain('secret');
});
