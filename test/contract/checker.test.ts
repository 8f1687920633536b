import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import request from 'supertest';
import { expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { exchange } from '../support/raw.ts';
import { atScopeEnd } from '../support/scope.ts';
import { openSocket } from '../support/socket.ts';
import { startTap } from '../support/tap.ts';
import { Checker } from './checker.ts';
import type { Fact } from './facts.ts';
import { sampleFrame } from './samples.ts';

/** A server that says what a test wants, behind a checker of its own: what it finds fails nothing. */
async function fake(
  answer: (response: ServerResponse, url: string) => void,
  talk: (send: (message: object | string) => void, close: (code: number) => void) => void = () => {},
): Promise<{ port: number; url: string; violations: string[]; facts: Fact[] }> {
  const violations: string[] = [];
  const facts: Fact[] = [];
  const server = createServer((asked, response) => answer(response, asked.url ?? ''));
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'signal.v1' });
  sockets.on('headers', (headers) => headers.push('X-Request-Id: r1'));
  sockets.on('connection', (ws) =>
    talk(
      (message) => ws.send(typeof message === 'string' ? message : JSON.stringify(message)),
      (code) => ws.close(code),
    ),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const checker = new Checker({
    violation: (text) => void violations.push(text),
    fact: (fact) => void facts.push(fact),
  });
  const tap = await startTap((server.address() as AddressInfo).port, () => checker.connection());
  atScopeEnd(() => tap.close());
  atScopeEnd(() => {
    for (const ws of sockets.clients) ws.terminate();
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { port: tap.port, url: `http://127.0.0.1:${tap.port}`, violations, facts };
}

const health = { 'X-Request-Id': 'r1', 'Content-Type': 'application/json; charset=utf-8' };

test('a right response on a real connection counts', async () => {
  const server = await fake((response) => response.writeHead(200, health).end('{"status":"ok"}'));
  await request(server.url).get('/healthz').expect(200);
  expect(server.violations).toEqual([]);
  expect(server.facts).toEqual([
    ['operations', 'GET /healthz 200'],
    ['operations', 'GET /healthz 200 X-Request-Id'],
  ]);
});

test('a wrong one is reported with where it was, and does not count', async () => {
  const server = await fake((response) => response.writeHead(200, health).end('{"status":"ok","extra":1}'));
  await request(server.url).get('/healthz').expect(200);
  await request(server.url).get('/elsewhere?token=0123456789abcdef&x=1').expect(200);
  expect(server.violations).toEqual([
    'GET /healthz → 200: body: / must NOT have additional properties: extra',
    'GET /elsewhere?token=…&x=1 → 200: undeclared status 200',
  ]);
  expect(server.facts).toEqual([]);
});

test('an answer to what is no request is judged', async () => {
  const server = await fake(() => {});
  await exchange(server, 'GARBAGE\r\n\r\n'); // Node answers a bare 400
  await vi.waitUntil(() => server.violations.length > 0);
  expect(server.violations).toContain(
    'no request → 400: media type none, should be application/problem+json',
  );
  expect(server.violations).toContain('no request → 400: header X-Request-Id is missing');
});

test('a talk on a real socket is judged from the upgrade to the close', async () => {
  const server = await fake(
    () => {},
    (send, close) => {
      send(sampleFrame('server.session.welcome'));
      send(sampleFrame('server.notice', { extra: 1 }));
      send(sampleFrame('server.session.kicked'));
      send(sampleFrame('server.session.welcome'));
      close(4999);
    },
  );
  const socket = await openSocket(server, '/ws/zoom/ABC123', 'x.y.z', { protocols: ['signal.v1'] });
  await socket.closed;
  await vi.waitUntil(() => server.violations.length >= 4);
  const at = 'GET /ws/zoom/ABC123?token=x.y.z → 101: ';
  expect(server.violations).toEqual([
    expect.stringMatching(/notice: \/ must NOT have unevaluated properties: extra/),
    `${at}session.welcome after session.kicked`,
    `${at}a second session.welcome`,
    `${at}undeclared close code 4999`,
  ]);
  expect(server.facts).toContainEqual(['operations', 'GET /ws/zoom/{roomId} 101 Sec-WebSocket-Protocol']);
  expect(server.facts).toContainEqual(['messages', 'server.session.kicked']);
});

test('bytes that are no frames are reported', async () => {
  const server = await fake((response) => {
    response.socket?.end('HTTP/1.1 200 OK\r\nno header\r\n\r\n');
  });
  await expect(exchange(server, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')).rejects.toThrow(
    'not a header line',
  );
  expect(server.violations).toEqual(['a connection: not a header line: no header']);
});
