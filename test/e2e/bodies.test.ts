import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import request from 'supertest';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TelemetryEvent } from '../../src/telemetry.ts';
import { atScopeEnd } from '../support/scope.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { join } from '../support/socket.ts';
import { outcome, send } from './raw-request.ts';

const scope = 'connections:read connections:kick rooms:broadcast rooms:close';
const kick = '/api/connections/client_x/kick';
const broadcast = '/api/connections/rooms/A/broadcast';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});

/** Posts as somebody whom no earlier test has used up. */
let callers = 0;
function post(path: string, body: string, headers: Record<string, string | undefined> = {}) {
  callers += 1;
  const Authorization = `Bearer ${server.token({ scope, sub: `admin-${callers}` })}`;
  return send(server, { method: 'POST', path, body, headers: { Authorization, ...headers } });
}

describe('what is read at all:', () => {
  const good = '{"message":"m"}';
  test.each([
    ['text', broadcast, good, { 'Content-Type': 'text/plain' }],
    ['a form', broadcast, good, { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['a kick in HTML', kick, 'x', { 'Content-Type': 'text/html' }],
    ['another alphabet', broadcast, good, { 'Content-Type': 'application/json; charset=latin1' }],
    ['a packed body', broadcast, good, { 'Content-Encoding': 'gzip' }],
    ['nothing, of no type', broadcast, '', { 'Content-Type': undefined }],
  ])('415: %s', async (_name, path, body, headers) => {
    expect(outcome(await post(path, body, headers))).toBe('415 unsupported_media_type');
  });

  const long = (size: number) => JSON.stringify({ message: 'x'.repeat(size) });
  test.each([
    ['64 KiB and a little', broadcast, long(65_536)],
    ['a megabyte', broadcast, long(1_048_576)],
    ['a kick with as long a reason', kick, long(65_536)],
  ])('413: %s', async (_name, path, body) => {
    expect(outcome(await post(path, body))).toBe('413 payload_too_large');
  });

  test('413: a megabyte in chunks', async () => {
    const body = `100000\r\n${'x'.repeat(0x100000)}\r\n0\r\n\r\n`;
    const chunked = { 'Content-Length': undefined, 'Transfer-Encoding': 'chunked' };
    expect(outcome(await post(broadcast, body, chunked))).toBe('413 payload_too_large');
  });

  test('no body is read of one who may not call', async () => {
    const unscoped = { Authorization: `Bearer ${server.token()}` };
    expect(outcome(await post(broadcast, long(1_048_576), unscoped))).toBe('403 insufficient_scope');
    expect(outcome(await post(broadcast, '{', { Authorization: undefined }))).toBe('401 unauthenticated');
  });

  test('who still sends a body may end sending it, and gets the answer', async () => {
    const body = long(1_048_576);
    const head = [
      `POST ${broadcast} HTTP/1.1`,
      `Host: 127.0.0.1:${server.port}`,
      `Content-Length: ${body.length}`,
      'Content-Type: application/json',
      'Connection: close', // as a proxy asks for that opens a connection for each request
    ];
    const socket = connect(server.port, '127.0.0.1');
    atScopeEnd(() => socket.destroy());
    socket.write(`${head.join('\r\n')}\r\n\r\n${body.slice(0, 500_000)}`);
    await once(socket, 'readable'); // it has been refused
    socket.end(body.slice(500_000));
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 401 .*"code":"unauthenticated"/s);
  });

  test.each([
    ['JSON cut short', broadcast, '{"message":'],
    ['a string', broadcast, '"message"'],
    ['nothing', broadcast, ''],
    ['null', broadcast, 'null'],
    ['a list', kick, '[]'],
  ])('400: %s', async (_name, path, body) => {
    expect(outcome(await post(path, body))).toBe('400 bad_request');
  });
});

describe('what breaks the contract is refused with its pointer, and reaches nobody:', () => {
  test.each([
    ['no message', '{}', '/body/message'],
    ['a number', '{"message":1}', '/body/message'],
    ['an empty message', '{"message":""}', '/body/message'],
    ['4,001 characters', JSON.stringify({ message: 'x'.repeat(4001) }), '/body/message'],
    ['an unknown field', '{"message":"m","to":"all"}', '/body/to'],
    ['__proto__', '{"message":"m","__proto__":{"polluted":1}}', '/body/__proto__'],
    ['constructor', '{"message":"m","constructor":{"prototype":{"polluted":1}}}', '/body/constructor'],
  ])('%s', async (_name, body, pointer) => {
    const { socket } = await join(server, '/ws/chat/bodies', server.token());
    const response = await post('/api/connections/rooms/bodies/broadcast', body);
    expect(response.body).toMatchObject({ code: 'bad_request', errors: [{ pointer }] });
    await socket.ask('presence.list');
    expect(socket.frames.map(({ type }) => type)).toEqual(['session.welcome', 'presence.roster']);
    expect(Object.prototype).not.toHaveProperty('polluted');
    await socket.close();
  });

  test('a query', async () => {
    const Authorization = `Bearer ${server.token({ scope })}`;
    const active = await send(server, { path: '/api/connections/active?x=1', headers: { Authorization } });
    expect(active.body).toMatchObject({ code: 'bad_request', errors: [{ pointer: '/query/x' }] });
    const path = `/api/ws/zoom/A/preflight?channel=zoom&token=${server.token()}`;
    const preflight = await send(server, { path });
    expect(preflight.body).toMatchObject({ code: 'bad_request', errors: [{ pointer: '/query/channel' }] });
  });

  test('a header', async () => {
    const response = await post(broadcast, '{"message":"m"}', { 'Idempotency-Key': 'x'.repeat(129) });
    const errors = [{ pointer: '/headers/idempotency-key' }];
    expect(response.body).toMatchObject({ code: 'bad_request', errors });
  });
});

test('a fault of the server is 500: the log has it, the caller only the request id', async () => {
  const events: TelemetryEvent[] = [];
  const frail = await startServer(
    {},
    {
      report(event) {
        events.push(event);
        if (event.type === 'admin.broadcast') throw new Error('injected');
      },
    },
  );
  await join(frail, '/ws/chat/A', frail.token());
  const { status, body, headers } = await request(frail.url)
    .post(broadcast)
    .set('Authorization', `Bearer ${frail.token({ scope })}`)
    .set('X-Request-Id', 'r-500')
    .send({ message: 'm' });
  expect([status, body.code, body.requestId]).toEqual([500, 'internal', 'r-500']);
  expect(JSON.stringify([body, headers])).not.toMatch(/injected|at .*\.ts/);
  expect(events).toContainEqual({
    type: 'request.failed',
    requestId: 'r-500',
    request: `POST ${broadcast}`,
    error: expect.objectContaining({ message: 'injected' }),
  });
  expect((await request(frail.url).get('/healthz')).status).toBe(200);
});

test('a hundred closes at once: one close per client, and counts that add up', async () => {
  const clients = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      join(server, `/ws/${n % 2 ? 'chat' : 'zoom'}/crowd`, server.token()),
    ),
  );
  const answers = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const { status, body } = await post('/api/connections/rooms/crowd/close', '', {
        'Content-Type': undefined,
      });
      return { status, body: body as { disconnected?: number } };
    }),
  );
  const counts = answers.map(({ body }) => body.disconnected ?? 0);
  expect(counts.reduce((sum, count) => sum + count)).toBe(20);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 404]));
  for (const { socket } of clients) {
    expect((await socket.closed).code).toBe(4502);
    expect(socket.frames.filter(({ type }) => type === 'room.closed')).toHaveLength(1);
  }
});

test('a hundred kicks of one client at once: one of them did it', async () => {
  const { socket, clientId } = await join(server, '/ws/chat/once', server.token());
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => post(`/api/connections/${clientId}/kick`, '{}')),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 404)).toHaveLength(99);
  expect((await socket.closed).code).toBe(4500);
});
