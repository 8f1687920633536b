import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { upgrade } from '../support/raw.ts';
import { atScopeEnd } from '../support/scope.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { join, openSocket } from '../support/socket.ts';
import { type Attempt, blockedAddress, faultless, Gates } from './attempt.ts';
import { outcome } from './raw-request.ts';

/** Something wrong with an attempt, and what it is refused with where nothing that is looked at earlier is wrong. */
interface Fault {
  readonly name: string;
  readonly refused: string;
  /** Whether a plain request can have the same fault. */
  readonly ofHandshake?: true;
  readonly apply: (attempt: Attempt) => Attempt;
}

const header =
  (name: string, value: string | readonly string[]) =>
  (attempt: Attempt): Attempt => ({ ...attempt, headers: { ...attempt.headers, [name]: value } });
const set =
  (change: Partial<Attempt>) =>
  (attempt: Attempt): Attempt => ({ ...attempt, ...change });
const manyHeaders = (attempt: Attempt): Attempt => {
  const more = Array.from({ length: 65 }, (_, n) => [`X-${n}`, '']);
  return { ...attempt, headers: { ...Object.fromEntries(more), ...attempt.headers } };
};

/** In the order in which protocol.md has them looked at; those of one group are not held against each other. */
const groups: readonly (readonly Fault[])[] = [
  [{ name: 'draining', refused: '503 draining', apply: set({ drained: true }) }],
  [
    { name: 'two hosts', refused: '400 bad_request', apply: header('Host', ['a.example', 'b.example']) },
    { name: '65 headers', refused: '431 headers_too_large', apply: manyHeaders },
    { name: 'a room that cannot be', refused: '400 bad_request', apply: set({ roomId: 'ABC.123' }) },
    {
      name: 'no such channel',
      refused: '404 not_found',
      ofHandshake: true,
      apply: set({ channel: 'video' }),
    },
    {
      name: 'version 12',
      refused: '426 upgrade_required',
      ofHandshake: true,
      apply: header('Sec-WebSocket-Version', '12'),
    },
    {
      name: 'a bad key',
      refused: '400 bad_request',
      ofHandshake: true,
      apply: header('Sec-WebSocket-Key', 'x'),
    },
    { name: 'a body', refused: '400 bad_request', ofHandshake: true, apply: header('Content-Length', '1') },
  ],
  [{ name: 'a blocked address', refused: '429 rate_limited', apply: set({ from: blockedAddress }) }],
  [
    {
      name: 'a foreign origin',
      refused: '403 origin_not_allowed',
      apply: header('Origin', 'https://evil.example'),
    },
  ],
  [
    { name: 'two tokens', refused: '400 ambiguous_credentials', apply: set({ tokens: 2 }) },
    { name: 'no token', refused: '401 unauthenticated', apply: set({ tokens: 0 }) },
    { name: 'a forged token', refused: '401 invalid_token', apply: set({ secret: 'of somebody else' }) },
    {
      name: 'an expired token',
      refused: '401 token_expired',
      apply: (attempt) => ({ ...attempt, claims: { ...attempt.claims, exp: 1 } }),
    },
    { name: 'no keys', refused: '503 auth_unavailable', apply: set({ keyless: true }) },
  ],
  [
    {
      name: 'a room not granted',
      refused: '403 room_not_granted',
      apply: (attempt) => ({ ...attempt, claims: { ...attempt.claims, rooms: ['OTHER*'] } }),
    },
  ],
];
const faults = groups.flat();
const pairs = groups.flatMap((earlier, index) =>
  earlier.flatMap((first) =>
    groups.slice(index + 1).flatMap((later) => later.map((second) => [first, second])),
  ),
) as [Fault, Fault][];

describe('what is looked at before the upgrade, in order:', () => {
  let gates: Gates;
  beforeAll(async () => {
    gates = await Gates.start();
  });

  test('without a fault it is 101, and the preflight 204', async () => {
    expect((await gates.upgrade(faultless)).status).toBe(101);
    expect((await gates.preflight(faultless)).status).toBe(204);
  });

  test.each(faults)('$name: $refused', async ({ refused, apply }) => {
    const attempt = apply(faultless);
    expect(outcome(await gates.upgrade(attempt))).toBe(refused);
  });

  test.each(faults.filter(({ ofHandshake }) => !ofHandshake))(
    'the preflight says the same of $name',
    async (fault) => {
      const attempt = fault.apply(faultless);
      expect(outcome(await gates.preflight(attempt))).toBe(fault.refused);
    },
  );

  test.each(pairs.map(([first, second]) => ({ title: `${first.name}, and ${second.name}`, first, second })))(
    '$title',
    async ({ first, second }) => {
      expect(outcome(await gates.upgrade(first.apply(second.apply(faultless))))).toBe(first.refused);
    },
  );
});

describe('the handshake:', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  const ask = (headers: Parameters<typeof upgrade>[2], room = 'hands') =>
    upgrade(server, `/ws/zoom/${room}?token=${server.token()}`, headers);

  test.each(['zoom', 'screenshare', 'chat'])(
    '%s agrees on signal.v1, and never echoes the token',
    async (channel) => {
      const token = server.token();
      const protocols = ['signal.v1', `bearer.${token}`];
      const { socket, welcome } = await join(server, `/ws/${channel}/hands`, undefined, { protocols });
      expect(socket.ws.protocol).toBe('signal.v1');
      expect(welcome.payload.room).toMatchObject({ channel, roomId: 'hands' });
    },
  );

  test('without an offer of signal.v1 nothing is agreed on', async () => {
    const { headers, status } = await ask({ 'Sec-WebSocket-Protocol': 'chat, superchat' });
    expect([status, headers['sec-websocket-protocol']]).toEqual([101, undefined]);
  });

  test('compression is never agreed on', async () => {
    const { headers, status } = await ask({
      'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits',
    });
    expect([status, headers['sec-websocket-extensions']]).toEqual([101, undefined]);
  });

  test.each([
    ['twice the same', 'signal.v1, signal.v1', '400 bad_request'],
    ['an empty one', 'signal.v1,, chat', '400 bad_request'],
    ['nothing', '', '400 bad_request'],
    ['not a token', 'signal v1', '400 bad_request'],
    ['a blank of another alphabet', 'signal.v1,\u00a0chat', '400 bad_request'],
  ])('subprotocols: %s', async (_name, value, refused) => {
    expect(outcome(await ask({ 'Sec-WebSocket-Protocol': value }))).toBe(refused);
  });

  test.each([
    ['no version', { 'Sec-WebSocket-Version': undefined }, '426 upgrade_required'],
    ['version 8', { 'Sec-WebSocket-Version': '8' }, '426 upgrade_required'],
    ['two versions', { 'Sec-WebSocket-Version': ['13', '13'] }, '426 upgrade_required'],
    ['no key', { 'Sec-WebSocket-Key': undefined }, '400 bad_request'],
    [
      'two keys',
      { 'Sec-WebSocket-Key': ['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ=='] },
      '400 bad_request',
    ],
    ['a chunked body', { 'Transfer-Encoding': 'chunked' }, '400 bad_request'],
    ['a body', { 'Content-Length': '5' }, '400 bad_request'],
    ['no Connection: Upgrade', { Connection: 'keep-alive' }, '426 upgrade_required'],
    ['another protocol', { Upgrade: 'h2c' }, '426 upgrade_required'],
  ])('%s', async (_name, headers, refused) => {
    const response = await ask(headers);
    expect(outcome(response)).toBe(refused);
    if (response.status === 426) {
      expect(response.headers).toMatchObject({ upgrade: 'websocket', 'sec-websocket-version': '13' });
    }
  });

  test('Upgrade is read whatever its case', async () => {
    expect((await ask({ Upgrade: 'WebSocket', Connection: 'keep-alive, upgrade' })).status).toBe(101);
  });

  test('X-Request-Id is kept, on 101 and on a refusal', async () => {
    const id = { 'X-Request-Id': 'mine:1.2_3-4' };
    expect((await ask(id)).headers['x-request-id']).toBe('mine:1.2_3-4');
    expect((await ask(id, 'b.d')).headers['x-request-id']).toBe('mine:1.2_3-4');
  });

  test('a refused client learns nothing of the room, and the room nothing of it', async () => {
    const { socket } = await join(server, '/ws/zoom/hands2', server.token());
    await expect(openSocket(server, '/ws/zoom/hands2', server.token({ rooms: [] }))).rejects.toThrow(
      'refused with 403',
    );
    await socket.ask('presence.list');
    expect(socket.frames.map(({ type }) => type)).toEqual(['session.welcome', 'presence.roster']);
  });
});

test('a client that never takes its refusal does not keep the server from stopping', async () => {
  const server = await startServer();
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
  atScopeEnd(() => socket.destroy());
  socket.on('error', () => {});
  socket.write('GET /ws/zoom/b.d HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await once(socket, 'data');
  const startedAt = performance.now();
  await server.stop();
  expect(performance.now() - startedAt).toBeLessThan(4000);
});
