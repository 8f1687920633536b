import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import request from 'supertest';
import { beforeAll, describe, expect, test } from 'vitest';
import { exchange, upgrade } from '../support/raw.ts';
import { atScopeEnd } from '../support/scope.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { join } from '../support/socket.ts';
import { outcome, send } from './raw-request.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});

function open({ port }: TestServer): Socket {
  const socket = connect({ port, host: '127.0.0.1' });
  atScopeEnd(() => socket.destroy());
  socket.on('error', () => {});
  return socket;
}

async function everythingOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await once(socket, 'close');
  return text;
}

describe('what is no HTTP is answered with 400:', () => {
  test.each([
    ['words', 'hello, is anybody there?\r\n\r\n'],
    ['TLS', Buffer.from('16030100a5010000a10303', 'hex')],
    ['a method of its own', 'FETCH / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['HTTP of tomorrow', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n'],
    ['a header without a colon', 'GET /healthz HTTP/1.1\r\nHost: x\r\nOdd\r\n\r\n'],
    ['a header over two lines', 'GET /healthz HTTP/1.1\r\nHost: x\r\nA: 1\r\n 2\r\n\r\n'],
    ['a blank before the colon', 'GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n'],
    ['NUL in a header', 'GET /healthz HTTP/1.1\r\nHost: x\r\nA: 1\0\r\n\r\n'],
    ['NUL in the path', 'GET /ws/zoom/A\0B HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a blank in the path', 'GET /ws/zoom/A B HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['a negative length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a bare line feed', 'GET /healthz HTTP/1.1\nHost: x\n\n'],
  ])('%s', async (_name, bytes) => {
    const response = await exchange(server, bytes);
    expect(outcome(response)).toBe('400 bad_request');
    expect(response.headers.connection).toBe('close');
    expect((await request(server.url).get('/healthz')).status).toBe(200);
  });
});

describe('one Host:', () => {
  const hosts = {
    none: undefined,
    two: ['a.example', 'b.example'],
    'the same twice': ['a.example', 'a.example'],
  };
  test.each(Object.entries(hosts))('%s is 400, on REST and on the upgrade', async (_name, Host) => {
    const headers = { Host };
    expect(outcome(await send(server, { path: '/healthz', headers }))).toBe('400 bad_request');
    const path = `/ws/zoom/A?token=${server.token()}`;
    expect(outcome(await upgrade(server, path, headers))).toBe('400 bad_request');
  });
});

describe('how long a head may be:', () => {
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`X-${n}`, '1']));

  test.each(['/healthz', '/nowhere'])('64 headers are read, 65 are 431: GET %s', async (path) => {
    const { status } = await send(server, { path, headers: many(63) }); // and Host
    expect(status).toBe(path === '/healthz' ? 200 : 404);
    expect(outcome(await send(server, { path, headers: many(64) }))).toBe('431 headers_too_large');
  });

  test('none is dropped in silence: an Origin after a thousand others', async () => {
    const headers = { A: Array(1000).fill(''), Origin: 'https://evil.example' }; // in less than 8 KiB
    expect(outcome(await send(server, { path: '/healthz', headers }))).toBe('431 headers_too_large');
  });

  test('8 KiB are read, more are 431, on REST and on the upgrade', async () => {
    const path = `/ws/zoom/A?token=${server.token()}`;
    const headers = (size: number) => ({ 'X-Long': 'x'.repeat(size) });
    expect((await upgrade(server, path, headers(6000))).status).toBe(101);
    expect(outcome(await upgrade(server, path, headers(8192)))).toBe('431 headers_too_large');
    expect(outcome(await send(server, { path: '/healthz', headers: headers(8192) }))).toBe(
      '431 headers_too_large',
    );
  });

  test('a path counts', async () => {
    expect(outcome(await send(server, { path: `/${'x'.repeat(8192)}` }))).toBe('431 headers_too_large');
  });
});

describe('slow clients:', () => {
  let hasty: TestServer;
  beforeAll(async () => {
    hasty = await startServer({ HEADERS_TIMEOUT_MS: '300' });
  });

  test('what they began is 408, and the connection ends', async () => {
    const upgradeHalf = 'GET /ws/zoom/A HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n';
    const begun = ['', 'GET /healthz HT', 'GET /healthz HTTP/1.1\r\nHost: x\r\n', upgradeHalf];
    const texts = begun.map((bytes) => {
      const socket = open(hasty);
      socket.write(bytes);
      return everythingOf(socket);
    });
    for (const text of await Promise.all(texts)) {
      expect(text).toMatch(/^HTTP\/1\.1 408 /);
      expect(JSON.parse(text.slice(text.indexOf('{')))).toMatchObject({
        status: 408,
        code: 'request_timeout',
      });
    }
  });

  test('a byte now and then does not buy more time', async () => {
    const socket = open(hasty);
    const drip = setInterval(() => socket.write('G'), 50);
    atScopeEnd(() => clearInterval(drip));
    socket.write('GET /healthz HTTP/1.1\r\nX-Slow: ');
    expect(await everythingOf(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('200 of them do not keep others out', async () => {
    const silent = Array.from({ length: 200 }, () => everythingOf(open(hasty)));
    const { welcome } = await join(hasty, '/ws/zoom/brisk', hasty.token());
    expect(welcome.payload.rosterTotal).toBe(1);
    for (const text of await Promise.all(silent)) expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });
});

test('an expectation that nobody knows is ignored', async () => {
  const { status, body } = await send(server, { path: '/healthz', headers: { Expect: 'miracles' } });
  expect([status, body]).toEqual([200, { status: 'ok' }]);
});

test('CONNECT opens nothing', async () => {
  const socket = open(server);
  socket.write('CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n');
  expect(await everythingOf(socket)).toBe('');
  expect((await request(server.url).get('/healthz')).status).toBe(200);
});

describe('behind a request that is not answered yet:', () => {
  const first = (token: string) =>
    `GET /api/connections/active HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  const handshake = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';

  test.each([
    ['an upgrade that is refused', `GET /ws/zoom/b.d HTTP/1.1\r\n${handshake}\r\n`],
    [
      'an upgrade without a token',
      `GET /ws/zoom/A HTTP/1.1\r\n${handshake}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    ],
    ['what is no HTTP', 'nonsense\r\n\r\n'],
  ])('%s ends the connection, and harms nobody else', async (_name, second) => {
    const socket = open(server);
    socket.write(first(server.token({ scope: 'connections:read' })) + second);
    expect(await everythingOf(socket)).toMatch(/^HTTP\/1\.1 (200|400|401) /);
    expect((await request(server.url).get('/healthz')).status).toBe(200);
  });
});

test('requests in a row on one connection are answered in a row', async () => {
  const socket = open(server);
  const ask = (id: string, path: string, last = '') =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\n${last}\r\n`;
  const token = server.token();
  const slow = `/api/ws/zoom/A/preflight?token=${token}`;
  socket.write(ask('a', slow) + ask('b', '/healthz') + ask('c', slow, 'Connection: close\r\n'));
  const text = await everythingOf(socket);
  expect([...text.matchAll(/^X-Request-Id: (\w)/gim)].map(([, id]) => id)).toEqual(['a', 'b', 'c']);
});
