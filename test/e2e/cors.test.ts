import request from 'supertest';
import { beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { outcome, send } from './raw-request.ts';

const page = 'https://app.example';
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ ALLOWED_ORIGINS: page });
});

const active = '/api/connections/active';
const words = (list = '') => list.split(/\s*,\s*/);

describe('a preflight of a browser', () => {
  test('is 204 for a page that may, and says what it may do', async () => {
    const { status, headers, text } = await request(server.url)
      .options('/api/connections/rooms/A/broadcast')
      .set('Origin', page)
      .set('Access-Control-Request-Method', 'POST')
      .set('Access-Control-Request-Headers', 'authorization, content-type, idempotency-key');
    expect([status, text]).toEqual([204, '']);
    expect(headers['access-control-allow-origin']).toBe(page);
    expect(words(headers['access-control-allow-methods']).sort()).toEqual(['DELETE', 'GET', 'HEAD', 'POST']);
    expect(words(headers['access-control-allow-headers'])).toEqual([
      'authorization',
      'content-type',
      'idempotency-key',
    ]);
    expect(Number(headers['access-control-max-age'])).toBeGreaterThan(0);
    expect(words(headers.vary)).toContain('Origin');
  });

  test('needs no token, counts for no limit and no address', async () => {
    const few = await startServer({ ALLOWED_ORIGINS: page, ADDRESS_FAILURES_PER_MINUTE: '1' });
    for (let n = 0; n < 40; n += 1) {
      const asked = request(few.url).options(active).set('Origin', page).set('Authorization', 'Bearer bad');
      expect((await asked).status).toBe(204);
    }
    const { status } = await request(few.url)
      .get(active)
      .set('Authorization', `Bearer ${few.token({ scope: 'connections:read' })}`);
    expect(status).toBe(200);
  });

  test.each(['https://evil.example', 'null', 'http://app.example', 'https://app.example.evil.example'])(
    'is 403 for %s, without a word that allows',
    async (origin) => {
      const response = await send(server, { method: 'OPTIONS', path: active, headers: { Origin: origin } });
      expect(outcome(response)).toBe('403 origin_not_allowed');
      expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    },
  );
});

test('OPTIONS without an Origin is 204, and allows no origin', async () => {
  for (const path of [active, '/ws/zoom/A', '/nowhere', '/']) {
    const { status, headers } = await request(server.url).options(path);
    expect([status, headers['access-control-allow-origin']]).toEqual([204, undefined]);
    expect(headers['access-control-allow-methods']).toBeDefined();
  }
});

describe('a response to a page that may', () => {
  const readable = ['X-Request-Id', 'Retry-After', 'RateLimit-Policy', 'RateLimit', 'RateLimit-Limit'];
  test.each([
    ['a success', active, 200],
    ['a refusal', '/api/connections/x/kick', 405],
    ['an unknown path', '/nowhere', 404],
  ])('lets it read %s, and the headers of the limits', async (_name, path, expected) => {
    const { status, headers } = await request(server.url)
      .get(path)
      .set('Origin', page)
      .set('Authorization', `Bearer ${server.token({ scope: 'connections:read' })}`);
    expect([status, headers['access-control-allow-origin']]).toEqual([expected, page]);
    expect(words(headers['access-control-expose-headers'])).toEqual(expect.arrayContaining(readable));
    expect(words(headers.vary)).toContain('Origin');
    // No cookie is ever a credential here.
    expect(headers['access-control-allow-credentials']).toBeUndefined();
  });

  test('is never allowed for all', async () => {
    const { headers } = await request(server.url).get('/healthz');
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });
});

test('a foreign page gets 403 of everything, with nothing that it could read', async () => {
  const paths = [active, '/healthz', '/openapi.json', '/', '/nowhere', '/ws/zoom/A'];
  for (const path of paths) {
    const response = await send(server, { path, headers: { Origin: 'https://evil.example' } });
    expect(outcome(response)).toBe('403 origin_not_allowed');
    expect(response.headers['access-control-allow-origin']).toBeUndefined();
  }
});

describe('every response', () => {
  test.each(['/healthz', '/nowhere', '/openapi.json', active])('of %s is guarded', async (path) => {
    const { headers } = await request(server.url).get(path);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'content-security-policy': expect.stringMatching(/default-src '(none|self)'.*frame-ancestors 'none'/),
      'referrer-policy': 'no-referrer',
    });
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers['content-security-policy']).not.toMatch(/unsafe-|\*|https?:/);
  });

  test('keeps a well-formed X-Request-Id, and replaces any other', async () => {
    const idOf = async (id: string | readonly string[]) =>
      (await send(server, { path: '/healthz', headers: { 'X-Request-Id': id } })).headers['x-request-id'];
    for (const id of ['a', 'A1_.:-', 'x'.repeat(128)]) expect(await idOf(id)).toBe(id);
    const odd = ['', 'x'.repeat(129), 'a b', 'a\tb', 'é', '"a"', '<b>', 'a,b', ['a', 'b']];
    for (const id of odd) expect(await idOf(id)).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    const made = await Promise.all(Array.from({ length: 20 }, () => request(server.url).get('/healthz')));
    expect(new Set(made.map(({ headers }) => headers['x-request-id'])).size).toBe(20);
  });
});

test('a refusal is a problem document, and says no more than this', async () => {
  const { headers, body } = await request(server.url).get('/nowhere?token=secret').set('X-Request-Id', 'r-1');
  expect(headers['content-type']).toBe('application/problem+json');
  expect(body).toEqual({
    type: 'urn:signalbox:problem:not_found',
    title: 'Not found',
    status: 404,
    detail: 'There is nothing at /nowhere.',
    code: 'not_found',
    requestId: 'r-1',
  });
});

test('the way to the docs', async () => {
  for (const path of ['/', '/docs']) {
    const { status, headers } = await request(server.url).get(path);
    expect([status, headers.location]).toEqual([302, '/docs/']);
  }
  for (const path of [
    '/docs/nothing.js',
    '/docs/..%2fpackage.json',
    '/docs/.git',
    '/docs/%2e%2e/package.json',
  ]) {
    expect(outcome(await send(server, { path }))).toBe('404 not_found');
  }
});

test.each(['openapi', 'asyncapi'])('the server gives away its %s document, whole', async (name) => {
  const { status, body } = await request(server.url).get(`/${name}.json`);
  expect(status).toBe(200);
  expect(body[name]).toMatch(/^3\.1/);
  expect(JSON.stringify(body)).not.toMatch(/"\$ref":"(?!#)/);
});
