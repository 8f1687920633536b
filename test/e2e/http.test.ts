import request from 'supertest';
import { beforeAll, describe, expect, test } from 'vitest';
import { upgrade } from '../support/raw.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { outcome, send } from './raw-request.ts';

const scope = 'connections:read connections:kick rooms:broadcast rooms:close';

let server: TestServer;
let headers: Record<string, string>;
beforeAll(async () => {
  server = await startServer();
  headers = { Authorization: `Bearer ${server.token({ scope })}` };
});

/** Each test calls as somebody else, whom no earlier test has used up. */
let callers = 0;
const asNew = (): Record<string, string> => {
  callers += 1;
  return { Authorization: `Bearer ${server.token({ scope, sub: `admin-${callers}` })}` };
};

describe('room ids that are none:', () => {
  const hostile = [
    ...[
      '..',
      '.',
      '...',
      'ABC.123',
      'ABC 123'.replace(' ', '%20'),
      '%2e%2e',
      '%2e%2e%2factive',
      'A%2FB',
      'A%5CB',
    ],
    ...[
      'A%00B',
      '%00',
      '%41BC',
      '%63lose',
      'clos%65',
      '%F0%9F%98%80',
      'A%0D%0AX',
      '%C0%AF',
      '%zz',
      '%',
      'A;x=1',
      'A+B',
    ],
    ...[
      'x'.repeat(65),
      'x'.repeat(7000),
      '~',
      '*',
      'A:B',
      'A,B',
      "A'B",
      'A%27%20OR%201=1',
      '__proto__%20',
      '$%7Bx%7D',
    ],
  ];

  test.each(hostile.map((room) => [room.slice(0, 40), room]))('%s', async (_name, room) => {
    const query = `?token=${server.token()}`;
    const answers = [
      outcome(await upgrade(server, `/ws/zoom/${room}${query}`)),
      outcome(await send(server, { path: `/api/ws/zoom/${room}/preflight${query}` })),
      ...['close', 'broadcast'].map(async (action) => {
        const path = `/api/connections/rooms/${room}/${action}`;
        const body = action === 'close' ? undefined : '{"message":"x"}';
        return outcome(await send(server, { method: 'POST', path, headers: asNew(), ...(body && { body }) }));
      }),
    ];
    for (const answer of await Promise.all(answers))
      expect(answer).toMatch(/^(400 bad_request|404 not_found)$/);
  });

  test('raw bytes above ASCII', async () => {
    const query = `?token=${server.token()}`;
    expect(outcome(await upgrade(server, `/ws/zoom/ABC\u{1f600}${query}`))).toBe('400 bad_request');
    const path = '/api/connections/rooms/ABC\u{1f600}/close';
    expect(outcome(await send(server, { method: 'POST', path, headers: asNew() }))).toBe('400 bad_request');
  });

  test('10 KB are too long for a request line', async () => {
    const room = 'x'.repeat(10_240);
    expect(outcome(await upgrade(server, `/ws/zoom/${room}`))).toBe('431 headers_too_large');
  });

  test('the pointer says which parameter', async () => {
    const path = '/api/connections/rooms/A.B/close';
    const { body } = await send(server, { method: 'POST', path, headers: asNew() });
    expect(body).toMatchObject({ errors: [{ pointer: '/path/roomId' }] });
    expect((await upgrade(server, '/ws/zoom/A.B')).body).toMatchObject({
      errors: [{ pointer: '/path/roomId' }],
    });
  });

  test('a channel is not decoded either', async () => {
    const path = `/api/ws/%7Aoom/ABC/preflight?token=${server.token()}`;
    expect(outcome(await send(server, { path }))).toBe('400 bad_request');
    expect(outcome(await upgrade(server, `/ws/%7Aoom/ABC?token=${server.token()}`))).toBe('404 not_found');
  });
});

describe('a path is one spelling:', () => {
  const variants = [
    ...['/api/connections/active/', '/API/connections/active', '//api/connections/active'],
    ...[
      '/api//connections/active',
      '/api/connections/./active',
      '/api/x/../connections/active',
      '/api/connections%2factive',
    ],
    ...[
      '/api/connections',
      '/api/connections/active/x',
      '/healthz/',
      '/Healthz',
      '/docs/../openapi.json',
      '/openapi.json/',
    ],
  ];
  test.each(variants)('%s is nowhere', async (path) => {
    expect(outcome(await send(server, { path, headers }))).toBe('404 not_found');
  });

  const sockets = [
    '/ws/zoom/A/',
    '/WS/zoom/A',
    '/ws/Zoom/A',
    '/ws//A',
    '/ws/zoom',
    '/ws/zoom/A/B',
    '//ws/zoom/A',
    '/ws/A',
  ];
  test.each(sockets)('%s is no WebSocket', async (path) => {
    expect(outcome(await upgrade(server, `${path}?token=${server.token()}`))).toBe('404 not_found');
  });
});

describe('methods:', () => {
  test.each([
    ['DELETE', '/api/connections/active', 'GET, HEAD, OPTIONS'],
    ['GET', '/api/connections/x/kick', 'POST, OPTIONS'],
    ['PUT', '/api/connections/rooms/A/broadcast', 'POST, OPTIONS'],
    ['POST', '/ws/zoom/A', 'GET, HEAD, OPTIONS'],
    ['POST', '/api/ws/zoom/A/preflight', 'GET, HEAD, OPTIONS'],
    ['TRACE', '/healthz', 'GET, HEAD, OPTIONS'],
    ['PATCH', '/openapi.json', 'GET, HEAD, OPTIONS'],
    ['POST', '/', 'GET, HEAD, OPTIONS'],
    ['POST', '/docs/', 'GET, HEAD, OPTIONS'],
  ])('%s %s is 405, and Allow says %s', async (method, path, allow) => {
    const response = await send(server, { method, path });
    expect([response.status, response.headers.allow]).toEqual([405, allow]);
  });

  test.each(['/healthz', '/nowhere', '/openapi.json', '/api/connections/x/kick'])(
    'HEAD %s is GET without a body',
    async (path) => {
      const get = await request(server.url).get(path);
      const head = await request(server.url).head(path);
      expect([head.status, head.headers['content-type'], head.headers['content-length'], head.text]).toEqual([
        get.status,
        get.headers['content-type'],
        get.headers['content-length'],
        undefined,
      ]);
    },
  );

  test('a GET of a WebSocket is 426', async () => {
    for (const channel of ['zoom', 'screenshare', 'chat']) {
      const response = await send(server, { path: `/ws/${channel}/A` });
      expect(outcome(response)).toBe('426 upgrade_required');
      expect(response.headers).toMatchObject({ upgrade: 'websocket', 'sec-websocket-version': '13' });
    }
  });

  test.each(['h2c', 'websocket', 'TLS/1.2, websocket'])(
    'an offer of %s beside a REST call changes nothing',
    async (offer) => {
      const offered = { ...headers, Connection: 'Upgrade, HTTP2-Settings', Upgrade: offer };
      const { status, body } = await send(server, { path: '/api/connections/active', headers: offered });
      expect([status, body]).toEqual([200, []]);
    },
  );
});
