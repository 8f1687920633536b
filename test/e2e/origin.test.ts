import { beforeAll, describe, expect, test } from 'vitest';
import { upgrade } from '../support/raw.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { join } from '../support/socket.ts';
import { outcome, send } from './raw-request.ts';

type Origin = string | readonly string[] | undefined;

/** What an upgrade, its preflight and a plain request are answered with, for a page of this origin. */
async function answers(server: TestServer, Origin: Origin, Host?: string): Promise<string[]> {
  const headers = { Origin, ...(Host !== undefined && { Host }) };
  const query = `?token=${server.token()}`;
  return [
    outcome(await upgrade(server, `/ws/chat/origins${query}`, headers)),
    outcome(await send(server, { path: `/api/ws/chat/origins/preflight${query}`, headers })),
    outcome(await send(server, { path: '/healthz', headers })),
  ];
}
const allowed = ['101', '204', '200'];
const refused = Array(3).fill('403 origin_not_allowed');

describe('ALLOWED_ORIGINS:', () => {
  let server: TestServer;
  beforeAll(async () => {
    const list =
      'https://app.example, https://*.tenant.example, http://plain.example:8080, https://*.deep.tld:444';
    server = await startServer({ ALLOWED_ORIGINS: list });
  });

  test.each([
    ...[
      'https://app.example',
      'https://a.tenant.example',
      'https://a-1.tenant.example',
      'http://plain.example:8080',
    ],
    ...['https://x.deep.tld:444', 'https://xn--bcher-kva.tenant.example'],
  ])('%s may', async (origin) => {
    expect(await answers(server, origin)).toEqual(allowed);
  });

  test('a client that is no browser may', async () => {
    expect(await answers(server, undefined)).toEqual(allowed);
  });

  test.each<[string, Origin]>([
    ['null', 'null'],
    ['an empty one', ''],
    ['two, both good', ['https://app.example', 'https://app.example']],
    ['two, the first good', ['https://app.example', 'https://evil.example']],
    ['a list', 'https://app.example, https://evil.example'],
    ['a list with blanks', 'https://app.example https://evil.example'],
    ['another scheme', 'http://app.example'],
    ['a scheme of its own', 'chrome-extension://app.example'],
    ['a file', 'file://'],
    ['another port', 'https://app.example:444'],
    ['the default port, which browsers leave out', 'https://app.example:443'],
    ['no port where there must be one', 'http://plain.example'],
    ['a suffix', 'https://app.example.evil.example'],
    ['a suffix without a dot', 'https://app.examples'],
    ['a prefix', 'https://evil-app.example'],
    ['a prefix with a dot', 'https://www.app.example'],
    ['a user', 'https://app.example@evil.example'],
    ['a user and a password', 'https://app.example:443@evil.example'],
    ['a user at the right host', 'https://x@app.example'],
    ['a path', 'https://app.example/'],
    ['a query', 'https://app.example?'],
    ['a fragment', 'https://evil.example#https://app.example'],
    ['a backslash', 'https://evil.example\\.app.example'],
    ['capitals, which browsers do not send', 'https://APP.example'],
    ['a dot at the end', 'https://app.example.'],
    ['no label for the star', 'https://tenant.example'],
    ['an empty label for the star', 'https://.tenant.example'],
    ['two labels for the star', 'https://a.b.tenant.example'],
    ['the star itself', 'https://*.tenant.example'],
    ['a star and a suffix', 'https://a.tenant.example.evil.example'],
    ['a star and no port', 'https://x.deep.tld'],
    ['a label with a user in it', 'https://x@a.tenant.example'],
    ['the server itself, where there is a list', 'http://127.0.0.1'],
    ['the machine, outside of development', 'http://localhost:5173'],
  ])('%s may not', async (_name, origin) => {
    expect(await answers(server, origin)).toEqual(refused);
  });

  test('a page is refused before its token is looked at, and after its path', async () => {
    const headers = { Origin: 'https://evil.example' };
    expect(outcome(await upgrade(server, '/ws/chat/origins', headers))).toBe('403 origin_not_allowed');
    expect(outcome(await upgrade(server, '/ws/chat/b.d', headers))).toBe('400 bad_request');
  });

  test('a page that was refused has told the room nothing', async () => {
    const { socket } = await join(server, '/ws/chat/origins-quiet', server.token());
    const path = `/ws/chat/origins-quiet?token=${server.token()}`;
    await upgrade(server, path, { Origin: 'https://evil.example' });
    await socket.ask('presence.list');
    expect(socket.frames.map(({ type }) => type)).toEqual(['session.welcome', 'presence.roster']);
  });
});

describe('without ALLOWED_ORIGINS:', () => {
  test('pages of the same host may, of others not', async () => {
    const server = await startServer();
    const own = `http://127.0.0.1:${server.port}`;
    expect(await answers(server, own)).toEqual(allowed);
    expect(await answers(server, 'https://signal.example', 'signal.example')).toEqual(allowed);
    const others = [
      'http://127.0.0.1',
      `http://127.0.0.1:${server.port + 1}`,
      'http://localhost:5173',
      'null',
    ];
    for (const origin of others) expect(await answers(server, origin)).toEqual(refused);
    const withUser = `http://127.0.0.1:${server.port}@evil.example`;
    expect(await answers(server, withUser, 'evil.example')).toEqual(refused);
  });

  test('in development pages of this machine may, of others not', async () => {
    const secret = 'a secret of the tests, which is long enough';
    const server = await startServer({ JWT_SECRET: '' }, { developmentSecret: secret });
    for (const origin of ['http://localhost:5173', 'http://127.0.0.1:3000', 'http://[::1]:3000']) {
      expect(await answers(server, origin)).toEqual(allowed);
    }
    const others = [
      'http://localhost.evil.example',
      'http://127.0.0.1.evil.example',
      'https://evil.example',
      'null',
    ];
    for (const origin of others) expect(await answers(server, origin)).toEqual(refused);
  });
});

test('REQUIRE_ORIGIN keeps out upgrades that name none; plain requests need none', async () => {
  const server = await startServer({ REQUIRE_ORIGIN: 'true', ALLOWED_ORIGINS: 'https://app.example' });
  expect(await answers(server, 'https://app.example')).toEqual(allowed);
  expect(await answers(server, undefined)).toEqual(['403 origin_not_allowed', '204', '200']);
  expect(await answers(server, 'null')).toEqual(refused);
});
