import { beforeAll, describe, expect, test } from 'vitest';
import { type RawResponse, upgrade } from '../support/raw.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { join } from '../support/socket.ts';
import { outcome, send } from './raw-request.ts';

/** Where a request comes from: the address of the socket, and what proxies say of it. */
interface Origin {
  readonly from: string;
  readonly forwarded?: string | readonly string[];
}

const limit = 3;
const env = { ADDRESS_FAILURES_PER_MINUTE: String(limit) };
const badToken = 'e30.e30.e30';

/** Asks for the list of connections. */
function list(
  server: TestServer,
  token: string | undefined,
  { from, forwarded }: Origin,
): Promise<RawResponse> {
  const headers = { Authorization: token && `Bearer ${token}`, 'X-Forwarded-For': forwarded };
  return send(server, { path: '/api/connections/active', headers }, { from });
}

/** Asks for a WebSocket. */
function open(server: TestServer, token: string, { from, forwarded }: Origin): Promise<RawResponse> {
  return upgrade(server, `/ws/chat/address?token=${token}`, { 'X-Forwarded-For': forwarded }, { from });
}

async function fail(server: TestServer, times: number, origin: Origin): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    expect(outcome(await list(server, badToken, origin))).toBe('401 invalid_token');
  }
}

const reader = (server: TestServer, sub = 'reader') => server.token({ sub, scope: 'connections:read' });

/** Whether a valid token gets through, on both ways in. */
async function isOpen(server: TestServer, origin: Origin): Promise<boolean> {
  const rest = (await list(server, reader(server, JSON.stringify(origin)), origin)).status;
  const socket = (await open(server, server.token(), origin)).status;
  expect([rest, socket]).toEqual(rest === 200 ? [200, 101] : [429, 429]);
  return rest === 200;
}

describe('bad credentials from one address:', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(env);
  });

  test('after so many in a minute it is 429 with all its headers, on REST, preflight and upgrade', async () => {
    const origin = { from: '127.0.0.10' };
    await fail(server, limit, origin);
    const path = `/api/ws/chat/address/preflight?token=${server.token()}`;
    const responses = [
      await list(server, reader(server), origin),
      await send(server, { path }, origin),
      await open(server, server.token(), origin),
    ];
    for (const { status, headers, body } of responses) {
      const seconds = Number(headers['retry-after']);
      expect(status).toBe(429);
      expect(seconds).toBeGreaterThan(55);
      expect(seconds).toBeLessThanOrEqual(60);
      expect(headers).toMatchObject({
        'ratelimit-policy': '"address-failures";q=3;w=60',
        ratelimit: `"address-failures";r=0;t=${seconds}`,
        'ratelimit-limit': '3',
        'ratelimit-remaining': '0',
        'ratelimit-reset': String(seconds),
        'cache-control': 'no-store',
      });
      expect(body).toMatchObject({ code: 'rate_limited', retryAfter: seconds });
    }
  });

  test('every way to fail is counted together, and other addresses not at all', async () => {
    const origin = { from: '127.0.0.11' };
    expect(outcome(await open(server, badToken, origin))).toBe('401 invalid_token');
    expect(outcome(await list(server, server.token({ exp: 1 }), origin))).toBe('401 token_expired');
    const path = `/api/ws/chat/address/preflight?token=${badToken}`;
    expect(outcome(await send(server, { path }, origin))).toBe('401 invalid_token');
    expect(await isOpen(server, origin)).toBe(false);
    expect(await isOpen(server, { from: '127.0.0.12' })).toBe(true);
  });

  test('a crowd of valid users is unharmed before that, and counts for nothing', async () => {
    const origin = { from: '127.0.0.13' };
    await fail(server, limit - 1, origin);
    for (let n = 0; n < 40; n += 1) {
      expect((await list(server, reader(server, `user-${n}`), origin)).status).toBe(200);
    }
    expect(await isOpen(server, origin)).toBe(true);
    await fail(server, 1, origin);
    expect(await isOpen(server, origin)).toBe(false);
  });

  test('what is no guess does not count', async () => {
    const origin = { from: '127.0.0.14' };
    const unscoped = server.token();
    for (let n = 0; n < 2 * limit; n += 1) {
      expect(outcome(await list(server, undefined, origin))).toBe('401 unauthenticated');
      expect(outcome(await list(server, unscoped, origin))).toBe('403 insufficient_scope');
      expect(outcome(await open(server, server.token({ rooms: [] }), origin))).toBe('403 room_not_granted');
      const twice = await open(server, `${badToken}&token=${badToken}`, origin);
      expect(outcome(twice)).toBe('400 ambiguous_credentials');
      const path = `/ws/chat/b.d?token=${badToken}`;
      expect(outcome(await upgrade(server, path, {}, origin))).toBe('400 bad_request');
    }
    expect(await isOpen(server, origin)).toBe(true);
  });

  test('sockets that are open stay open, and what needs no token is served', async () => {
    const origin = { from: '127.0.0.15' };
    const { socket } = await join(server, '/ws/chat/inside', server.token(), origin);
    await fail(server, limit, origin);
    expect(await isOpen(server, origin)).toBe(false);
    expect((await socket.ask('presence.list')).type).toBe('presence.roster');
    expect((await send(server, { path: '/healthz' }, origin)).status).toBe(200);
  });

  test('X-Forwarded-For and its like are not believed where no proxy is trusted', async () => {
    const from = '127.0.0.16';
    for (let n = 0; n < limit; n += 1) await fail(server, 1, { from, forwarded: `192.0.2.${n}` });
    const headers = { 'X-Real-IP': '192.0.2.9', Forwarded: 'for=192.0.2.9', 'X-Forwarded-For': '192.0.2.9' };
    const { status } = await upgrade(server, `/ws/chat/address?token=${server.token()}`, headers, { from });
    expect(status).toBe(429);
    expect(await isOpen(server, { from: '127.0.0.17', forwarded: '127.0.0.16' })).toBe(true);
  });
});

describe('behind trusted proxies the client is the right-most hop that none of them is:', () => {
  const proxy = '127.0.0.20';
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ ...env, TRUSTED_PROXIES: '127.0.0.20, 10.0.0.0/8' });
  });

  test('clients of one proxy are told apart', async () => {
    await fail(server, limit, { from: proxy, forwarded: '192.0.2.1' });
    expect(await isOpen(server, { from: proxy, forwarded: '192.0.2.1' })).toBe(false);
    expect(await isOpen(server, { from: proxy, forwarded: '192.0.2.2' })).toBe(true);
    expect(await isOpen(server, { from: proxy })).toBe(true);
  });

  test('what the client itself wrote to the left makes no difference', async () => {
    for (let n = 0; n < limit; n += 1) {
      await fail(server, 1, { from: proxy, forwarded: `198.51.100.${n}, 203.0.113.1` });
    }
    expect(await isOpen(server, { from: proxy, forwarded: '203.0.113.1' })).toBe(false);
    expect(await isOpen(server, { from: proxy, forwarded: '10.0.0.1, 203.0.113.1' })).toBe(false);
    expect(await isOpen(server, { from: proxy, forwarded: '198.51.100.0' })).toBe(true);
  });

  test('trusted hops in between are skipped, in one line or in several', async () => {
    await fail(server, limit, { from: proxy, forwarded: '198.51.100.7, 203.0.113.2, 10.1.2.3, 10.9.9.9' });
    expect(await isOpen(server, { from: proxy, forwarded: ['203.0.113.2', '10.4.4.4'] })).toBe(false);
    expect(await isOpen(server, { from: proxy, forwarded: '198.51.100.7' })).toBe(true);
  });

  test('a client that comes straight here speaks for itself alone', async () => {
    const from = '127.0.0.21';
    for (let n = 0; n < limit; n += 1) await fail(server, 1, { from, forwarded: `203.0.113.${100 + n}` });
    expect(await isOpen(server, { from })).toBe(false);
    expect(await isOpen(server, { from: proxy, forwarded: '203.0.113.100' })).toBe(true);
    expect(await isOpen(server, { from: proxy, forwarded: from })).toBe(false);
  });

  test('an IPv6 client is its /64, and IPv4 the same however it is written', async () => {
    await fail(server, limit, { from: proxy, forwarded: '2001:db8:1:2::1' });
    expect(await isOpen(server, { from: proxy, forwarded: '2001:db8:1:2:ffff::9' })).toBe(false);
    expect(await isOpen(server, { from: proxy, forwarded: '2001:db8:1:3::1' })).toBe(true);
    await fail(server, limit, { from: proxy, forwarded: '::ffff:192.0.2.77' });
    expect(await isOpen(server, { from: proxy, forwarded: '192.0.2.77' })).toBe(false);
  });

  test.each(['unknown', '_hidden', '203.0.113.9:4711', '', ' , ', '<script>', '1.1.1.1,'.repeat(20)])(
    'what is no address breaks nothing: %j',
    async (forwarded) => {
      const { status } = await list(server, reader(server, `odd ${forwarded.slice(0, 9)}`), {
        from: proxy,
        forwarded,
      });
      expect(status).toBe(200);
    },
  );
});
