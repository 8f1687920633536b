import { expect, test } from 'vitest';
import { type Finished, SignalboxProcess } from '../support/process.ts';
import { expectViolation } from '../support/scope.ts';
import { testSettings } from '../support/server.ts';
import { join, openSocket, type TestSocket } from '../support/socket.ts';
import { mintToken } from '../support/token.ts';
import { watch } from '../support/watch.ts';

async function started(env: Readonly<Record<string, string>> = {}) {
  const child = new SignalboxProcess([], { ...testSettings, LOG_LEVEL: 'info', ...env });
  const [, direct] = await child.prints(/"url":"http:\/\/[\d.]+:(\d+)"/);
  const port = await watch(Number(direct));
  return { child, port, url: `http://127.0.0.1:${port}` };
}

/** The stages as the log has them. */
const stages = ({ stdout }: Finished) => stdout.match(/server\.\w+/g);
const allStages = ['server.started', 'server.stopping', 'server.draining', 'server.stopped'];

/** Code that runs in the process before its own does. */
const before = (code: string) => ({
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}`,
});

test('SIGTERM with 300 clients: each is told, closed with 1012, and the process ends with 0', async () => {
  const { child, port } = await started();
  const sockets: TestSocket[] = [];
  for (let n = 0; n < 300; n += 1) {
    const token = mintToken({ sub: `user-${n}` });
    sockets.push((await join({ port }, `/ws/chat/room-${n % 50}`, token)).socket);
  }
  const beganAt = performance.now();
  child.child.kill('SIGTERM');
  const delays = [];
  for (const socket of sockets) {
    const { payload } = await socket.next('session.draining');
    delays.push(Number(payload.reconnectAfterMs));
    expect(await socket.closed).toEqual({ code: 1012, reason: 'restarting' });
  }
  expect(Math.max(...delays)).toBeLessThanOrEqual(300);
  expect(new Set(delays).size).toBeGreaterThan(5);
  const finished = await child.finished;
  expect(performance.now() - beganAt).toBeLessThan(10_000);
  expect(finished.code).toBe(0);
  expect(stages(finished)).toEqual(allStages);
}, 30_000);

test('a second signal ends it at once', async () => {
  const { child, port, url } = await started({ DRAIN_DELAY_MS: '60000' });
  const { socket } = await join({ port }, '/ws/chat/second', mintToken({}));
  child.child.kill('SIGTERM');
  await child.prints(/server\.stopping/);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  expect((await socket.ask('chat.send', { text: 'all goes on' })).type).toBe('ack');
  const beganAt = performance.now();
  child.child.kill('SIGINT');
  expect((await socket.closed).code).toBe(1006);
  const finished = await child.finished;
  expect(finished.code).toBe(1);
  expect(performance.now() - beganAt).toBeLessThan(2_000);
  expect(stages(finished)).toEqual(['server.started', 'server.stopping']);
});

test('a stop that hangs ends with 1 when its time is over', async () => {
  const hangs = `
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (run, ms, ...rest) => setTimeout(run, ms === 29_000 ? 300 : ms, ...rest);
    const { Server } = await import('node:http');
    Server.prototype.close = () => {};`;
  const { child } = await started(before(hangs));
  child.child.kill('SIGTERM');
  const finished = await child.finished;
  expect([finished.code, finished.stderr]).toEqual([
    1,
    'signalbox: stopped the hard way: it did not end in time\n',
  ]);
  expect(stages(finished)).toEqual(allStages.slice(0, 3));
});

test('a stop that fails ends with 1', async () => {
  const fails = `
    const { Server } = await import('node:http');
    Server.prototype.close = (closed) => { if (closed) throw new Error('injected') };`;
  const { child } = await started(before(fails));
  child.child.kill('SIGTERM');
  const { code, stderr } = await child.finished;
  expect([code, stderr]).toEqual([1, 'signalbox: stopped the hard way: Error: injected\n']);
});

test.each([
  ['a rejection', "Promise.reject(new Error('injected'))"],
  ['an exception', "setImmediate(() => { throw new Error('injected') })"],
])('%s that nobody handles ends the process, and fails the test in which it does', async (_what, fault) => {
  expectViolation(/a process of a test died[\s\S]*Error: injected/);
  const { child, port } = await started(before(`process.on('SIGUSR2', () => ${fault})`));
  const socket = await openSocket({ port }, '/ws/chat/crash', mintToken({}));
  await socket.next('session.welcome');
  child.child.kill('SIGUSR2');
  expect((await child.finished).code).toBe(1);
  expect((await socket.closed).code).toBe(1006);
});
