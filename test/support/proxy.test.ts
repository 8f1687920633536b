import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { startProxy, type TcpProxy } from './proxy.ts';
import { atScopeEnd } from './scope.ts';

/** Both ends of a connection through a proxy, and what each has heard. */
async function through(proxy: TcpProxy, accepted: Socket[]) {
  const client = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true }).on('error', () => {});
  await once(client, 'connect');
  client.write('?');
  await expect.poll(() => accepted.length).toBe(1);
  const server = accepted.pop() as Socket;
  const heard = { client: '', server: '' };
  let chunks = 0;
  client.on('data', (bytes) => {
    heard.client += bytes;
    chunks += 1;
  });
  server.on('data', (bytes) => {
    heard.server += bytes;
  });
  await expect.poll(() => heard.server).toBe('?');
  heard.server = '';
  return { client, server, heard, chunks: () => chunks };
}

/** Also where it ends by a reset, which `once` takes for a failure. */
const closed = (socket: Socket) => new Promise((resolve) => socket.on('close', resolve));

async function setUp() {
  const accepted: Socket[] = [];
  const listener = createServer({ noDelay: true }, (socket) => accepted.push(socket.on('error', () => {})));
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  atScopeEnd(() => listener.close());
  const proxy = await startProxy((listener.address() as AddressInfo).port);
  return { proxy, join: () => through(proxy, accepted) };
}

test('passes bytes and ends', async () => {
  const { proxy, join } = await setUp();
  const { client, server, heard } = await join();
  server.write('down');
  client.end('up');
  await expect.poll(() => heard).toEqual({ client: 'down', server: 'up' });
  await expect.poll(() => proxy.open).toBe(0);
});

test('a stall holds bytes and ends both ways or one way, and lets them go on', async () => {
  const { proxy, join } = await setUp();
  const { client, server, heard } = await join();
  await proxy.set({ kind: 'stall', only: 'down' });
  server.write('held');
  client.write('passed');
  await expect.poll(() => heard).toEqual({ client: '', server: 'passed' });
  await proxy.set({ kind: 'stall', only: 'up' });
  await expect.poll(() => heard.client).toBe('held');
  client.end('!');
  server.write('.');
  await expect.poll(() => heard).toEqual({ client: 'held.', server: 'passed' });
  await proxy.set({ kind: 'stall' });
  expect([server.readableEnded, proxy.open]).toEqual([false, 1]);
  await proxy.set({ kind: 'pass' });
  await expect.poll(() => [heard.server, server.readableEnded]).toEqual(['passed!', true]);
});

test('a connection that comes during a stall is accepted, and goes on after it', async () => {
  const { proxy, join } = await setUp();
  await proxy.set({ kind: 'stall' });
  const joining = join();
  await expect.poll(() => proxy.open).toBe(1);
  await proxy.set({ kind: 'pass' });
  await joining;
});

test('a reset cuts what is open and what comes', async () => {
  const { proxy, join } = await setUp();
  const { client, server } = await join();
  const ended = Promise.all([closed(client), closed(server)]);
  await proxy.set({ kind: 'reset' });
  await ended;
  const next = connect(proxy.port, '127.0.0.1').on('error', () => {});
  await closed(next);
  await proxy.set({ kind: 'pass' });
  const after = await join();
  const cut = closed(after.client);
  proxy.cut();
  await cut;
});

test('where it refuses nobody listens, until it passes again', async () => {
  const { proxy, join } = await setUp();
  const { client } = await join();
  const cut = closed(client);
  await proxy.set({ kind: 'refuse' });
  await cut;
  const refused = new Promise((resolve) =>
    connect(proxy.port, '127.0.0.1').on('error', ({ code }: Error & { code?: string }) => resolve(code)),
  );
  expect(await refused).toBe('ECONNREFUSED');
  await proxy.set({ kind: 'pass' });
  await join();
});

test('bytes come later, fewer in a second, or one by one; in order and whole', async () => {
  const { proxy, join } = await setUp();
  const { server, heard, chunks } = await join();
  let startedAt = performance.now();
  await proxy.set({ kind: 'latency', latencyMs: 100 });
  server.write('a');
  await expect.poll(() => heard.client).toBe('a');
  expect(performance.now() - startedAt).toBeGreaterThan(98);
  startedAt = performance.now();
  await proxy.set({ kind: 'throttle', bytesPerSecond: 10_000 });
  server.write('b'.repeat(1_500));
  await expect.poll(() => heard.client).toBe(`a${'b'.repeat(1_500)}`);
  expect(performance.now() - startedAt).toBeGreaterThan(130);
  const before = chunks();
  await proxy.set({ kind: 'split' });
  server.write('0123456789');
  await expect.poll(() => heard.client.slice(-10)).toBe('0123456789');
  expect(chunks() - before).toBeGreaterThan(5);
});
