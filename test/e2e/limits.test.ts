import request from 'supertest';
import { describe, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

const scope = 'connections:read connections:kick rooms:broadcast rooms:close';
const minute = 60_000;

/** A server whose clock stands still until the test turns it. */
class Timed {
  readonly server: TestServer;
  readonly #clock: { ms: number };

  private constructor(server: TestServer, clock: { ms: number }) {
    this.server = server;
    this.#clock = clock;
  }

  static async start(): Promise<Timed> {
    const clock = { ms: Math.floor(Date.now() / 1000) * 1000 };
    // Its heart beats too slowly to hear of the jumps.
    const env = { HEARTBEAT_INTERVAL_MS: '2000000000', HEARTBEAT_TIMEOUT_MS: '2000000001' };
    return new Timed(await startServer(env, { now: () => clock.ms }), clock);
  }

  get now(): number {
    return this.#clock.ms;
  }

  turn(ms: number): void {
    this.#clock.ms += ms;
  }

  call(method: 'get' | 'post' | 'head' | 'delete', path: string, claims: Record<string, unknown> = {}) {
    const exp = Math.floor(this.now / 1000) + 3600;
    const token = this.server.token({ sub: 'admin', scope, exp, ...claims });
    return request(this.server.url)
      [method](`/api/connections${path}`)
      .set('Authorization', `Bearer ${token}`);
  }

  /** The statuses of that many calls, one after the other. */
  async calls(count: number, ...call: Parameters<Timed['call']>): Promise<number[]> {
    const statuses: number[] = [];
    for (let n = 0; n < count; n += 1) statuses.push((await this.call(...call)).status);
    return statuses;
  }
}

const times = (count: number, status: number): number[] => Array(count).fill(status);
const active = ['get', '/active'] as const;

test('31 quick calls of /active: 30 succeed, the 31st is blocked for a minute, kicks go on', async () => {
  const timed = await Timed.start();
  for (let n = 1; n <= 30; n += 1) {
    const { status, headers } = await timed.call(...active);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'ratelimit-policy': '"connections-active";q=30;w=60',
      ratelimit: `"connections-active";r=${30 - n};t=60`,
      'ratelimit-limit': '30',
      'ratelimit-remaining': String(30 - n),
      'ratelimit-reset': '60',
    });
  }
  const { status, headers, body } = await timed.call(...active);
  expect(status).toBe(429);
  expect(headers).toMatchObject({
    'retry-after': '60',
    'cache-control': 'no-store',
    'ratelimit-policy': '"connections-active";q=30;w=60',
    ratelimit: '"connections-active";r=0;t=60',
    'ratelimit-limit': '30',
    'ratelimit-remaining': '0',
    'ratelimit-reset': '60',
  });
  expect(body).toMatchObject({
    code: 'rate_limited',
    detail: 'Too many requests; blocked for 60 seconds.',
    retryAfter: 60,
    policy: 'connections-active',
    level: 1,
    blockedUntil: new Date(timed.now + minute).toISOString(),
  });
  expect(await timed.calls(20, 'post', '/client_x/kick')).toEqual(times(20, 404));
});

test('Retry-After is exact, calls during a block change nothing, and the next block is twice as long', async () => {
  const timed = await Timed.start();
  const retryAfter = async () => Number((await timed.call(...active)).headers['retry-after']);
  for (const seconds of [60, 120, 240, 480, 600, 600]) {
    await timed.calls(30, ...active);
    expect(await retryAfter()).toBe(seconds);
    timed.turn(minute / 2);
    expect(await retryAfter()).toBe(seconds - 30);
    timed.turn(seconds * 1000 - minute / 2 - 1);
    expect(await retryAfter()).toBe(1);
    timed.turn(1);
  }
  const { status, headers } = await timed.call(...active);
  expect([status, headers['ratelimit-remaining']]).toEqual([200, '29']);
});

test('the window slides: what is a minute old does not count', async () => {
  const timed = await Timed.start();
  await timed.calls(15, ...active);
  timed.turn(minute / 2);
  await timed.calls(14, ...active);
  expect((await timed.call(...active)).headers.ratelimit).toBe('"connections-active";r=0;t=30');
  timed.turn(minute / 2);
  expect(await timed.calls(15, ...active)).toEqual(times(15, 200));
  expect((await timed.call(...active)).status).toBe(429);
});

describe('the sequences of the seed, in minutes:', () => {
  test.each([
    ['post', '/client_x/kick', 20, [2, 4, 8, 16, 30, 30]],
    ['post', '/rooms/nobody/broadcast', 30, [1, 2, 4, 8, 10, 10]],
    ['post', '/rooms/nobody/close', 10, [3, 6, 12, 24, 48, 60, 60]],
  ] as const)('%s %s', async (method, path, limit, sequence) => {
    const timed = await Timed.start();
    for (const [index, minutes] of sequence.entries()) {
      const statuses = await timed.calls(limit, method, path);
      expect(new Set(statuses)).toEqual(new Set([path.endsWith('broadcast') ? 415 : 404]));
      const { status, headers, body } = await timed.call(method, path);
      expect([status, headers['retry-after'], body.level]).toEqual([429, String(minutes * 60), index + 1]);
      timed.turn(minutes * minute);
    }
  });
});

test('after a longest block’s time without a violation one level is forgiven', async () => {
  const timed = await Timed.start();
  const violate = async () => {
    await timed.calls(30, ...active);
    const { headers, body } = await timed.call(...active);
    timed.turn(Number(headers['retry-after']) * 1000);
    return body.level;
  };
  expect([await violate(), await violate(), await violate()]).toEqual([1, 2, 3]);
  timed.turn(10 * minute);
  expect(await violate()).toBe(3);
  timed.turn(30 * minute);
  expect(await violate()).toBe(1);
});

test('all ids of kick are one bucket; two subjects, issuers or client ids are two', async () => {
  const timed = await Timed.start();
  for (let n = 0; n < 20; n += 1) await timed.call('post', `/client_${n}/kick`);
  expect((await timed.call('post', '/client_20/kick')).status).toBe(429);
  const others = [{ sub: 'other' }, { iss: 'https://issuer.example' }, { client_id: 'app' }, { azp: 'app2' }];
  for (const claims of others) expect((await timed.call('post', '/client_20/kick', claims)).status).toBe(404);
  // The rest of a token does not make another caller.
  for (const claims of [{ name: 'Other' }, { jti: '2' }, { scope: 'connections:kick' }]) {
    expect((await timed.call('post', '/client_20/kick', claims)).status).toBe(429);
  }
});

test('all rooms of close are one bucket, close and broadcast are two', async () => {
  const timed = await Timed.start();
  for (let n = 0; n < 10; n += 1) expect((await timed.call('post', `/rooms/r${n}/close`)).status).toBe(404);
  expect((await timed.call('post', '/rooms/r10/close')).status).toBe(429);
  expect((await timed.call('post', '/rooms/r10/broadcast').send({ message: 'm' })).status).toBe(404);
});

test('a blocked administrator does nothing: the room stays', async () => {
  const timed = await Timed.start();
  const exp = Math.floor(timed.now / 1000) + 3600;
  const { socket } = await join(timed.server, '/ws/chat/stays', timed.server.token({ exp }));
  await timed.calls(10, 'post', '/rooms/nobody/close');
  expect((await timed.call('post', '/rooms/stays/close')).status).toBe(429);
  await socket.ask('presence.list');
  expect(socket.frames.map(({ type }) => type)).toEqual(['session.welcome', 'presence.roster']);
});

test('what counts: a HEAD, and what is refused after the caller is known', async () => {
  const timed = await Timed.start();
  const remaining = async () => Number((await timed.call(...active)).headers['ratelimit-remaining']);
  expect(await remaining()).toBe(29);
  await timed.call('head', '/active');
  await timed.call('get', '/active?x=1');
  expect(await remaining()).toBe(26);
});

test('what does not: another method, another path, a token that is refused or may not', async () => {
  const timed = await Timed.start();
  await timed.calls(40, 'post', '/active');
  await timed.calls(40, 'get', '/actives');
  await timed.calls(40, 'get', '/active', { exp: 1 });
  await timed.calls(40, 'get', '/active', { scope: '' });
  expect((await timed.call(...active)).headers['ratelimit-remaining']).toBe('29');
});

test('400 calls at once are 30 successes and one block', async () => {
  const timed = await Timed.start();
  const responses = await Promise.all(Array.from({ length: 400 }, () => timed.call(...active)));
  expect(responses.filter(({ status }) => status === 200)).toHaveLength(30);
  const refused = responses.filter(({ status }) => status === 429);
  expect(new Set(refused.map(({ body }) => [body.level, body.retryAfter].join()))).toEqual(new Set(['1,60']));
});
