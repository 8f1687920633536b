import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Side, type TapEvent, Wire } from './wire.ts';

type Part = readonly [from: Side, bytes: string | Buffer];

const get = (target: string, more = ''): string => `GET ${target} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const upgrade = get('/ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\n');
const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n';
const noContent = 'HTTP/1.1 204 No Content\r\n\r\n';

/** A frame; the length is written as short as it can be. */
function frame(first: number, data: string | Buffer, masked = false): Buffer {
  const bytes = Buffer.from(data);
  const bit = masked ? 0x80 : 0;
  const { length } = bytes;
  const head =
    length < 126
      ? Buffer.from([first, bit | length])
      : length < 65_536
        ? Buffer.from([first, bit | 126, length >> 8, length & 255])
        : Buffer.from([first, bit | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255]);
  if (!masked) return Buffer.concat([head, bytes]);
  const mask = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([head, mask, bytes.map((byte, i) => byte ^ (mask[i % 4] ?? 0))]);
}

/** What a wire tells of the parts, each cut into pieces of the sizes that `sizes` goes round in. */
function told(parts: readonly Part[], sizes: readonly number[] = [Number.MAX_SAFE_INTEGER]): TapEvent[] {
  const events: TapEvent[] = [];
  const wire = new Wire((event) => events.push(event));
  let turn = 0;
  for (const [from, bytes] of parts) {
    let rest = Buffer.from(bytes);
    while (rest.length > 0) {
      const size = sizes[turn % sizes.length] ?? 1;
      turn += 1;
      wire.bytes(from, rest.subarray(0, size));
      rest = rest.subarray(size);
    }
  }
  return events;
}

const everything: Part[] = [
  ['client', `POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello${get('/b')}`],
  [
    'server',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:  2 \r\nX-A: 1\r\nx-a: 2\r\n\r\nok',
  ],
  [
    'server',
    'HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n',
  ],
  [
    'client',
    'HEAD /c HTTP/1.1\r\nHost: x\r\n\r\nPOST /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
  ],
  ['server', `HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n${noContent}`],
  ['client', upgrade],
  ['server', 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n'],
  ['client', `\r\n${upgrade}`],
  ['server', switching],
  [
    'server',
    Buffer.concat([frame(0x81, 'welcome'), frame(0x01, 'one '), frame(0x89, 'p'), frame(0x80, 'two')]),
  ],
  [
    'client',
    Buffer.concat([frame(0x81, 'Grüße', true), frame(0x82, 'b'.repeat(200), true), frame(0x8a, '', true)]),
  ],
  ['server', frame(0x88, Buffer.from([0x0f, 0xa0, 0x62]))],
  ['client', frame(0x88, '', true)],
];

const text = (data: string, binary = false): object => ({ kind: 'message', binary, data: Buffer.from(data) });

describe('a connection', () => {
  test('is told as what it carried', () => {
    const body = (content: string): Buffer => Buffer.from(content);
    const headers = expect.anything();
    expect(told(everything)).toMatchObject([
      {
        request: { method: 'POST', target: '/a' },
        response: {
          status: 200,
          body: body('ok'),
          headers: [
            ['content-length', '2'],
            ['X-A', '1'],
            ['x-a', '2'],
          ],
        },
      },
      {
        request: { method: 'GET', target: '/b' },
        response: { status: 200, body: body('abc0123456789'), headers },
      },
      { request: { method: 'HEAD', target: '/c' }, response: { status: 200, body: body('') } },
      { request: { method: 'POST', target: '/d' }, response: { status: 204, body: body(''), headers: [] } },
      { request: { method: 'GET', target: '/ws' }, response: { status: 426, body: body('') } },
      { request: { method: 'GET', target: '/ws' }, response: { status: 101, body: body('') } },
      { from: 'server', frame: text('welcome') },
      { from: 'server', frame: { kind: 'ping', data: body('p') } },
      { from: 'server', frame: text('one two') },
      { from: 'client', frame: text('Grüße') },
      { from: 'client', frame: text('b'.repeat(200), true) },
      { from: 'client', frame: { kind: 'pong', data: body('') } },
      { from: 'server', frame: { kind: 'close', code: 4000, reason: body('b') } },
      { from: 'client', frame: { kind: 'close', code: 1005, reason: body('') } },
    ]);
  });

  test('is told alike byte by byte', () => {
    expect(told(everything, [1])).toEqual(told(everything));
  });

  test('is told alike however it is cut', () => {
    const whole = told(everything);
    const sizes = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(sizes, (cut) => {
        expect(told(everything, cut)).toEqual(whole);
      }),
    );
  });

  test('frames that the client sends along with its upgrade wait for the answer', () => {
    const parts: Part[] = [
      ['client', Buffer.concat([Buffer.from(upgrade), frame(0x81, 'early', true)])],
      ['server', switching],
    ];
    expect(told(parts).map(({ kind }) => kind)).toEqual(['exchange', 'frame']);
  });

  test.each([126, 65_535, 65_536, 100_000])('a message of %i bytes', (size) => {
    const parts: Part[] = [
      ['client', upgrade],
      ['server', switching],
      ['client', frame(0x81, 'x'.repeat(size), true)],
      ['server', frame(0x81, 'y'.repeat(size))],
    ];
    expect(told(parts, [1000, 7]).slice(1)).toMatchObject([
      { from: 'client', frame: text('x'.repeat(size)) },
      { from: 'server', frame: text('y'.repeat(size)) },
    ]);
  });
});

describe('a body without a length', () => {
  test('goes on to the end of the connection', () => {
    const events: TapEvent[] = [];
    const wire = new Wire((event) => events.push(event));
    wire.bytes('client', Buffer.from(get('/')));
    wire.bytes('server', Buffer.from('HTTP/1.1 200 OK\r\n\r\nall '));
    wire.bytes('server', Buffer.from('of it'));
    expect(events).toEqual([]);
    wire.end('server');
    expect(events).toMatchObject([
      { kind: 'ending', by: 'server' },
      { kind: 'exchange', response: { body: Buffer.from('all of it') } },
    ]);
  });
});

describe('a fault', () => {
  const opened: Part[] = [
    ['client', upgrade],
    ['server', switching],
  ];

  test.each<[string, Part[], string]>([
    [
      'a body after a 204',
      [
        ['client', get('/')],
        ['server', `${noContent}surprise\r\n`],
      ],
      'not a status line',
    ],
    ['a header without a colon', [['server', 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n']], 'not a header line'],
    [
      'a chunk of no size',
      [['server', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n']],
      'not a chunk size',
    ],
    [
      'a chunk too long',
      [['server', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n']],
      'a chunk longer',
    ],
    [
      'an odd coding',
      [['server', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n']],
      'Transfer-Encoding: gzip',
    ],
    [
      'two lengths',
      [['server', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n']],
      'Content-Length: 1,1',
    ],
    [
      'length and coding',
      [['server', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n']],
      'both',
    ],
    ['a masked frame', [...opened, ['server', frame(0x81, 'x', true)]], 'a masked frame'],
    ['compression', [...opened, ['server', frame(0xc1, 'x')]], 'reserved bits'],
    ['a reserved opcode', [...opened, ['server', frame(0x83, 'x')]], 'reserved opcode 3'],
    ['a reserved control opcode', [...opened, ['server', frame(0x8b, 'x')]], 'reserved opcode 11'],
    ['a continuation of nothing', [...opened, ['server', frame(0x80, 'x')]], 'fragments out of order'],
    [
      'a message inside a message',
      [...opened, ['server', frame(0x01, 'x')], ['server', frame(0x81, 'y')]],
      'fragments out',
    ],
    ['a ping in fragments', [...opened, ['server', frame(0x09, 'x')]], 'a control frame'],
    ['a long ping', [...opened, ['server', frame(0x89, 'x'.repeat(126))]], 'a control frame'],
    ['half a close code', [...opened, ['server', frame(0x88, 'x')]], 'half a code'],
  ])('of the server: %s', (_name, parts, message) => {
    expect(told(parts).at(-1)).toEqual({ kind: 'fault', message: expect.stringContaining(message) });
  });

  test('of the server is told once, and what follows is not read', () => {
    const parts: Part[] = [...opened, ['server', frame(0x83, 'x')], ['server', frame(0x81, 'later')]];
    expect(told(parts).map(({ kind }) => kind)).toEqual(['exchange', 'fault']);
  });

  test('of the client ends what is told of the client alone', () => {
    const parts: Part[] = [
      ...opened,
      ['client', frame(0x81, 'unmasked')],
      ['client', frame(0x81, 'good', true)],
      ['server', frame(0x81, 'hello')],
    ];
    expect(told(parts).slice(1)).toMatchObject([{ kind: 'lost' }, { kind: 'frame', from: 'server' }]);
  });
});
