import { createServer } from 'node:net';
import request from 'supertest';
import { describe, expect, test } from 'vitest';
import { settings } from '../../src/settings.ts';
import { runSignalbox, SignalboxProcess } from '../support/process.ts';
import { openSocket } from '../support/socket.ts';
import { jwtSecret } from '../support/token.ts';
import { watch } from '../support/watch.ts';

async function started(env: Record<string, string> = {}): Promise<{ child: SignalboxProcess; port: number }> {
  const child = new SignalboxProcess([], env);
  const [, port] = await child.prints(/"url":"http:\/\/[\d.]+:(\d+)"/);
  return { child, port: await watch(Number(port)) };
}

describe('development mode', () => {
  test('prints tokens that work: an administrator’s, and two users’ addresses', async () => {
    const { child, port } = await started();
    const [, alice] = await child.prints(/Alice +ws:\/\/127\.0\.0\.1:\d+(\S+)\n/);
    const [, bob] = await child.prints(/Bob +ws:\/\/127\.0\.0\.1:\d+(\S+)\n/);
    const [, token] = await child.prints(/TOKEN=(\S+)\n/);
    for (const path of [alice, bob]) await openSocket({ port }, path ?? '');
    const { body } = await request(`http://127.0.0.1:${port}`)
      .get('/api/connections/active')
      .set('Authorization', `Bearer ${token}`);
    expect(body).toMatchObject([
      { presenterName: 'Alice', roomId: 'ABC123', channel: 'zoom', isHost: true },
      { presenterName: 'Bob', roomId: 'ABC123', channel: 'zoom', isHost: false },
    ]);
    await child.prints(/DEVELOPMENT MODE/);
  });

  test('a token of one start does not open the next', async () => {
    const [, token] = await (await started()).child.prints(/TOKEN=(\S+)\n/);
    const { port } = await started();
    const { status } = await request(`http://127.0.0.1:${port}`)
      .get('/api/connections/active')
      .set('Authorization', `Bearer ${token}`);
    expect(status).toBe(401);
  });
});

describe('settings that it does not start with', () => {
  test.each([
    [{ NODE_ENV: 'production' }, /^signalbox: set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL: .+\n$/],
    [{ HOST: '0.0.0.0' }, /^signalbox: HOST: "0\.0\.0\.0" is beyond this machine.+\n$/],
    [{ JWT_SECRET: 'short' }, /^signalbox: JWT_SECRET: is 5 bytes long; use 32 or more.+\n$/],
    [{ PORT: 'http' }, /^signalbox: PORT: "http" is not a whole number from 0 to 65535\n$/],
    [{ HOST: 'no.such.host.invalid', JWT_SECRET: jwtSecret }, /^signalbox: HOST, PORT: cannot listen: .+\n$/],
    [{ ALLOWED_ORIGINS: 'example.com' }, /^signalbox: ALLOWED_ORIGINS: "example\.com" is not like .+\n$/],
  ])('%o', async (env, line) => {
    const { code, stderr, stdout } = await runSignalbox([], env as unknown as Record<string, string>);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(line);
  });

  test('a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const address = taken.address();
    const port = typeof address === 'object' ? `${address?.port}` : '';
    const { code, stderr } = await runSignalbox([], { PORT: port });
    taken.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^signalbox: HOST, PORT: cannot listen: .*EADDRINUSE.+\n$/);
  });
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s sends the clients away with 1012, and the process ends with 0',
  async (signal) => {
    const { child, port } = await started({ JWT_SECRET: jwtSecret, HOST: '127.0.0.1' });
    const { stdout: token } = await runSignalbox(['token', '--sub', 'alice'], { JWT_SECRET: jwtSecret });
    const socket = await openSocket({ port }, '/ws/chat/ABC123', token.trim());
    await socket.next('session.welcome');
    child.child.kill(signal);
    expect(await socket.closed).toEqual({ code: 1012, reason: 'restarting' });
    const { code, stdout } = await child.finished;
    expect(code).toBe(0);
    expect(stdout.match(/server\.stopp\w+/g)).toEqual(['server.stopping', 'server.stopped']);
    expect(stdout).not.toContain(token.trim());
  },
);

describe('signalbox token', () => {
  test('mints what it is told to', async () => {
    const args = ['token', '--sub', 'bob', '--name', 'Bob', '--host', '--rooms', 'A,B-*', '--ttl', '2h'];
    const { code, stdout } = await runSignalbox([...args, '--scope', 'rooms:close connections:read'], {
      JWT_SECRET: jwtSecret,
      JWT_ISSUER: 'issuer',
    });
    const claims = JSON.parse(Buffer.from(stdout.split('.')[1] ?? '', 'base64url').toString());
    expect(code).toBe(0);
    expect(claims).toEqual({
      sub: 'bob',
      name: 'Bob',
      host: true,
      rooms: ['A', 'B-*'],
      scope: 'rooms:close connections:read',
      iss: 'issuer',
      iat: expect.any(Number),
      exp: claims.iat + 7200,
    });
  });

  test.each([
    [['token'], { JWT_SECRET: jwtSecret }, /^signalbox: --sub: /],
    [['token', '--sub', 'a'], {}, /^signalbox: JWT_SECRET: set the secret/],
    [
      ['token', '--sub', 'a', '--ttl', '1 hour'],
      { JWT_SECRET: jwtSecret },
      /^signalbox: --ttl: 1 hour is not like/,
    ],
    [['token', '--subject', 'a'], { JWT_SECRET: jwtSecret }, /^signalbox: Unknown option '--subject'/],
    [['serve'], {}, /^signalbox: serve is not a command; see signalbox --help\n$/],
  ])('%j is refused in a line', async (args, env, line) => {
    const { code, stdout, stderr } = await runSignalbox(args, env as unknown as Record<string, string>);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(line);
  });
});

test('--help names every setting, --version the version', async () => {
  const { code, stdout } = await runSignalbox(['--help']);
  expect(code).toBe(0);
  for (const { name } of settings) expect(stdout).toContain(`  ${name} `);
  expect((await runSignalbox(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
