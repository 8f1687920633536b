import { describe, expect, test } from 'vitest';
import { clientFrame, FrameReader, opcodes } from './frames.ts';

/** A text frame as a server sends it. */
function serverFrame(payload: Buffer, first = 0x81): Buffer {
  const size = payload.length;
  const length = size < 126 ? [size] : size < 65_536 ? [126, size >> 8, size & 255] : [127, 0, 0, 0, 0];
  const head = Buffer.from([first, ...length, ...(size < 65_536 ? [] : [0, 0, 0, 0])]);
  if (size >= 65_536) head.writeUInt32BE(size, 6);
  return Buffer.concat([head, payload]);
}

/** What a reader finds in a stream that arrives in reads of so many bytes, into one buffer. */
function framesIn(stream: Buffer, readSize: number): { opcode: number; payload: string }[] {
  const shared = Buffer.alloc(readSize);
  const reader = new FrameReader();
  const found: { opcode: number; payload: string }[] = [];
  for (let at = 0; at < stream.length; at += readSize) {
    const length = stream.copy(shared, 0, at, at + readSize);
    reader.read(shared, length, (opcode, bytes, start, end) => {
      found.push({ opcode, payload: bytes.toString('latin1', start, end) });
    });
    shared.fill(0xff); // what is kept must have been copied
  }
  return found;
}

describe('FrameReader', () => {
  const sizes = [0, 1, 125, 126, 127, 300, 65_535, 65_536, 200_000];
  const payloads = sizes.map((size, index) => Buffer.alloc(size, 'abcdefghi'.charAt(index)));
  const stream = Buffer.concat(payloads.map((payload) => serverFrame(payload)));

  test.each([1, 2, 3, 7, 130, 1_000, 65_536, 1_000_000])('finds every frame in reads of %i bytes', (size) => {
    const found = framesIn(stream, size);
    expect(found.map(({ payload }) => payload.length)).toEqual(sizes);
    expect(found.map(({ payload }) => payload)).toEqual(payloads.map((payload) => payload.toString()));
  });

  test('tells opcodes apart', () => {
    const ping = serverFrame(Buffer.from('x'), 0x80 | opcodes.ping);
    const [first, second] = framesIn(Buffer.concat([ping, serverFrame(Buffer.from('y'))]), 100);
    expect([first, second]).toEqual([
      { opcode: opcodes.ping, payload: 'x' },
      { opcode: opcodes.text, payload: 'y' },
    ]);
  });

  test.each([
    ['a fragment', 0x01],
    ['a compressed frame', 0xc1],
  ])('refuses %s', (_what, first) => {
    expect(() => framesIn(serverFrame(Buffer.from('x'), first), 100)).toThrow('fragmented, compressed');
  });

  test('refuses a masked frame', () => {
    expect(() => framesIn(clientFrame(opcodes.text, 'x'), 100)).toThrow('masked');
  });
});

describe('clientFrame', () => {
  test('is the masked example of RFC 6455, section 5.7', () => {
    expect(clientFrame(opcodes.text, 'Hello').toString('hex')).toBe('818537fa213d7f9f4d5158');
  });

  test.each([125, 126, 65_535])('says that it is %i bytes long', (size) => {
    const frame = clientFrame(opcodes.text, 'a'.repeat(size));
    const head = size < 126 ? 6 : 8;
    expect(frame.length).toBe(head + size);
    expect(size < 126 ? (frame[1] ?? 0) & 127 : frame.readUInt16BE(2)).toBe(size);
  });

  test('refuses what needs a longer length', () => {
    expect(() => clientFrame(opcodes.text, 'a'.repeat(65_536))).toThrow(RangeError);
  });
});
