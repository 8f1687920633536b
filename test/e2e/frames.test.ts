import { beforeAll, describe, expect, test } from 'vitest';
import type { TelemetryEvent } from '../../src/telemetry.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { join, type TestSocket } from '../support/socket.ts';
import { frame, openRaw, RawSocket } from './raw-socket.ts';

const ping = JSON.stringify({ type: 'session.ping', payload: { t: 1 } });
const fragments = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) =>
    frame({ opcode: index === 0 ? 1 : 0, fin: index === count - 1, payload: index === 0 ? ping : '' }),
  );

let server: TestServer;
let witness: TestSocket;
const path = (room = 'frames'): string => `/ws/chat/${room}?token=${server.token()}`;

beforeAll(async () => {
  server = await startServer();
  ({ socket: witness } = await join(server, '/ws/chat/frames', server.token({ sub: 'witness' })));
});

/** Opens a socket beside the witness, sends bytes, and gives the close code; the witness sees only who came and went. */
async function codeFor(...bytes: readonly Buffer[]): Promise<number> {
  const before = witness.frames.length;
  const raw = await openRaw(server, path());
  raw.tcp.write(Buffer.concat(bytes));
  const code = await raw.closeCode();
  raw.tcp.end(frame({ opcode: 8, payload: Buffer.from([code >> 8, code & 255]) }));
  expect((await witness.next('presence.left')).payload.departures).toMatchObject([{ reason: 'closed' }]);
  const seen = witness.frames.slice(before).map(({ type }) => type);
  expect(seen).toEqual(['presence.joined', 'presence.left']);
  return code;
}

describe('1002, against RFC 6455:', () => {
  const reserved = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];
  const part = frame({ fin: false, payload: '{' });
  test.each<[string, Buffer[]]>([
    ['an unmasked frame', [frame({ masked: false, payload: ping })]],
    ['an unmasked frame after a good one', [frame({ payload: ping }), frame({ masked: false })]],
    ['RSV1, which would be compression', [frame({ reserved: 4, payload: ping })]],
    ['RSV2', [frame({ reserved: 2, payload: ping })]],
    ['RSV3', [frame({ reserved: 1, payload: ping })]],
    ...reserved.map((opcode): [string, Buffer[]] => [`opcode ${opcode}`, [frame({ opcode })]]),
    ['a continuation of nothing', [frame({ opcode: 0, payload: ping })]],
    ['a message within a message', [part, frame({ payload: ping })]],
    ['a ping in fragments', [frame({ opcode: 9, fin: false })]],
    ['a ping of 126 bytes', [frame({ opcode: 9, payload: 'x'.repeat(126) })]],
    ['a close with half a code', [frame({ opcode: 8, payload: 'x' })]],
    ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000].map((code): [string, Buffer[]] => [
      `a close with ${code}`,
      [frame({ opcode: 8, payload: Buffer.from([code >> 8, code & 255]) })],
    ]),
  ])('%s', async (_name, bytes) => {
    expect(await codeFor(...bytes)).toBe(1002);
  });
});

describe('1003, since only text is spoken:', () => {
  test.each([
    ['a binary frame', [frame({ opcode: 2, payload: ping })]],
    ['an empty one', [frame({ opcode: 2 })]],
    ['one in fragments', [frame({ opcode: 2, fin: false }), frame({ opcode: 0, payload: ping })]],
  ])('%s', async (_name, bytes) => {
    expect(await codeFor(...bytes)).toBe(1003);
  });
});

describe('1007, not UTF-8:', () => {
  const text = (...bytes: number[]): Buffer => frame({ payload: Buffer.from(bytes) });
  test.each([
    ['a lone continuation byte', [text(0x80)]],
    ['an overlong slash', [text(0xc0, 0xaf)]],
    ['a surrogate', [text(0xed, 0xa0, 0x80)]],
    ['above U+10FFFF', [text(0xf4, 0x90, 0x80, 0x80)]],
    ['a character cut short', [text(0x22, 0xf0, 0x9f, 0x98)]],
    ['a close with such a reason', [frame({ opcode: 8, payload: Buffer.from([3, 232, 0xff]) })]],
  ])('%s', async (_name, bytes) => {
    expect(await codeFor(...bytes)).toBe(1007);
  });

  test('a character that two fragments share is none of these', async () => {
    const bytes = Buffer.from(JSON.stringify({ type: 'chat.send', payload: { text: '😀' } }));
    const middle = bytes.indexOf(0xf0) + 2;
    const raw = await openRaw(server, path('halves'));
    raw.tcp.write(frame({ fin: false, payload: bytes.subarray(0, middle) }));
    raw.tcp.write(frame({ opcode: 0, payload: bytes.subarray(middle) }));
    expect(JSON.parse(await raw.message('chat.message')).payload.text).toBe('😀');
  });
});

describe('how much:', () => {
  test('64 fragments are a message, 65 are closed with 1008', async () => {
    const raw = await openRaw(server, path('parts'));
    raw.tcp.write(Buffer.concat(fragments(64)));
    await raw.message('session.pong');
    expect(await codeFor(...fragments(65))).toBe(1008);
  });

  test('65 fragments are closed with 1008 before the message is whole', async () => {
    expect(await codeFor(...fragments(66).slice(0, -1))).toBe(1008);
  });

  test('65536 bytes are a message', async () => {
    const raw = await openRaw(server, path('long'));
    raw.tcp.write(frame({ payload: ping.padEnd(65_536) }));
    await raw.message('session.pong');
  });

  test.each([65_537, 2 ** 32, 2 ** 53 - 1, 2n ** 53n, 2n ** 63n - 1n])(
    'a frame that claims %d bytes is closed with 1009 before any of them came',
    async (claims) => {
      expect(await codeFor(frame({ claims }))).toBe(1009);
    },
  );

  test('fragments count together', async () => {
    const part = frame({ fin: false, payload: ' '.repeat(65_000) });
    expect(await codeFor(part, frame({ opcode: 0, claims: 537 }))).toBe(1009);
  });

  test('both limits are settings', async () => {
    const small = await startServer({ MAX_MESSAGE_BYTES: '1024', MAX_FRAGMENTS: '2' });
    const open = () => openRaw(small, `/ws/chat/small?token=${small.token()}`);
    const long = await open();
    long.tcp.write(frame({ payload: ping.padEnd(1024) }));
    await long.message('session.pong');
    long.tcp.write(frame({ claims: 1025 }));
    expect(await long.closeCode()).toBe(1009);
    const broken = await open();
    broken.tcp.write(Buffer.concat(fragments(3)));
    expect(await broken.closeCode()).toBe(1008);
  });
});

test('pings are answered in order, each with its own data', async () => {
  const raw = await openRaw(server, path('pings'));
  const data = Array.from({ length: 50 }, (_, n) => `p${n}`);
  raw.tcp.write(
    Buffer.concat([...data.map((payload) => frame({ opcode: 9, payload })), frame({ payload: ping })]),
  );
  await raw.message('session.pong');
  expect(raw.frames.flatMap((one) => (one.kind === 'pong' ? [one.data.toString()] : []))).toEqual(data);
});

test('a flood of pings ends the connection that it came from, rather than fill the memory with pongs', async () => {
  const raw = await openRaw(server, path());
  const flood = Buffer.concat(
    Array.from({ length: 1000 }, () => frame({ opcode: 9, payload: 'x'.repeat(125) })),
  );
  raw.tcp.write(flood);
  await expect(raw.message('never')).rejects.toThrow('the connection ended');
  expect(raw.frames.length).toBeLessThan(1000);
  expect((await witness.next('presence.left')).payload.departures).toMatchObject([
    { reason: 'disconnected' },
  ]);
  await witness.next('presence.joined');
});

test('frames that come in one packet with the upgrade are taken after the welcome', async () => {
  const raw = new RawSocket(server, path('early'), frame({ payload: ping }));
  await raw.message('session.pong');
  const types = raw.frames.flatMap((one) =>
    one.kind === 'message' ? [JSON.parse(String(one.data)).type] : [],
  );
  expect(types).toEqual(['session.welcome', 'session.pong']);
});

test('after its close the client is not heard any more', async () => {
  const raw = await openRaw(server, path());
  await witness.next('presence.joined');
  const said = frame({ payload: JSON.stringify({ type: 'chat.send', payload: { text: 'late' } }) });
  raw.tcp.write(Buffer.concat([frame({ opcode: 8, payload: Buffer.from([3, 232]) }), said]));
  expect(await raw.closeCode()).toBe(1000);
  await witness.next('presence.left');
  expect(witness.texts.join()).not.toContain('late');
});

test.each([
  ['a leave', ['{"type":"session.leave","payload":{}}'], 1000],
  ['20 bad messages', Array(20).fill('{}'), 4506],
])('what waits behind a refresh is not carried out after %s', async (_name, ends, code) => {
  const { socket } = await join(server, '/ws/chat/frames', server.token());
  await witness.next('presence.joined');
  const refresh = JSON.stringify({ type: 'session.refreshToken', payload: { token: server.token() } });
  for (const text of [refresh, ...ends]) socket.send(text);
  socket.send({ type: 'chat.send', payload: { text: 'from beyond' } });
  expect((await socket.closed).code).toBe(code);
  await witness.next('presence.left');
  await witness.ask('presence.list');
  expect(witness.texts.join()).not.toContain('from beyond');
});

test('a handler that throws costs its sender the socket (1011), and nobody else anything', async () => {
  const events: TelemetryEvent[] = [];
  const frail = await startServer(
    {},
    {
      report(event) {
        events.push(event);
        if (event.type === 'connection.left' && event.connection.identity.userId === 'unlucky') {
          throw new Error('injected');
        }
      },
    },
  );
  const other = await join(frail, '/ws/chat/fault', frail.token());
  const { socket } = await join(frail, '/ws/chat/fault', frail.token({ sub: 'unlucky' }));
  const answer = await socket.ask('session.leave');
  expect(answer).toMatchObject({ type: 'error', payload: { code: 'internal', retryable: false } });
  expect(JSON.stringify(answer)).not.toContain('injected');
  expect(await socket.closed).toEqual({ code: 1011, reason: 'internal' });
  expect(events).toContainEqual(expect.objectContaining({ type: 'socket.failed' }));
  expect((await other.socket.ask('presence.list')).payload.participants).toHaveLength(1);
});

test('a join that throws closes with 1011: the response is gone by then', async () => {
  const events: TelemetryEvent[] = [];
  const frail = await startServer(
    {},
    {
      report(event) {
        events.push(event);
        if (event.type === 'connection.joined') throw new Error('injected');
      },
    },
  );
  const raw = new RawSocket(frail, `/ws/chat/fault?token=${frail.token()}`);
  expect(await raw.closeCode()).toBe(1011);
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'request.failed', request: 'GET /ws/chat/fault' }),
  );
});

test('what a client says together with its goodbye is answered before the goodbye', async () => {
  const raw = await openRaw(server, path('goodbye'));
  const message = JSON.stringify({ type: 'chat.send', id: 'last', payload: { text: 'bye' } });
  raw.tcp.write(
    Buffer.concat([frame({ payload: message }), frame({ opcode: 8, payload: Buffer.from([3, 232]) })]),
  );
  expect(await raw.closeCode()).toBe(1000);
  const said = raw.frames.flatMap((one) =>
    one.kind === 'message' ? [JSON.parse(String(one.data)).type] : one.kind,
  );
  expect(said).toEqual(['session.welcome', 'chat.message', 'ack', 'close']);
});
