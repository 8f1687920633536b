/** Opcodes of RFC 6455, section 5.2. */
export const opcodes = { text: 1, close: 8, ping: 9, pong: 10 } as const;

/** Takes one frame: its payload lies in `bytes` from `start` to `end`, and only until the call returns. */
export type FrameSink = (opcode: number, bytes: Buffer, start: number, end: number) => void;

const nothing = Buffer.alloc(0);
/** Not zero: `ws` skips the unmasking of a zero mask, which no browser sends. */
const mask = [0x37, 0xfa, 0x21, 0x3d];

/**
 * Finds the frames of a server in what a socket reads, however the reads are cut. Throws at what no contestant may
 * send: masked, fragmented or compressed frames.
 */
export class FrameReader {
  /** Holds what is left of a frame that is not complete, in its first `#held` bytes. */
  #rest: Buffer = nothing;
  #held = 0;

  /** Takes the first `length` bytes of a buffer that its owner uses again afterwards. */
  read(buffer: Buffer, length: number, sink: FrameSink): void {
    if (this.#held === 0) {
      const taken = takeFrames(buffer, length, sink);
      if (taken < length) this.#hold(buffer, taken, length);
      return;
    }
    this.#hold(buffer, 0, length);
    const taken = takeFrames(this.#rest, this.#held, sink);
    if (taken > 0) this.#rest.copyWithin(0, taken, this.#held);
    this.#held -= taken;
    if (this.#held === 0) this.#rest = nothing;
  }

  #hold(buffer: Buffer, start: number, end: number): void {
    const needed = this.#held + end - start;
    if (needed > this.#rest.length) {
      const grown = Buffer.allocUnsafe(needed * 2);
      this.#rest.copy(grown, 0, 0, this.#held);
      this.#rest = grown;
    }
    buffer.copy(this.#rest, this.#held, start, end);
    this.#held = needed;
  }
}

/** Says how many of the `available` bytes were whole frames. */
function takeFrames(bytes: Buffer, available: number, sink: FrameSink): number {
  let at = 0;
  while (at + 2 <= available) {
    const first = bytes[at] ?? 0;
    const short = bytes[at + 1] ?? 0;
    if ((first & 0xf0) !== 0x80 || short > 127)
      throw new Error('a frame is fragmented, compressed or masked');
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (at + head > available) break;
    const size = head === 2 ? short : head === 4 ? bytes.readUInt16BE(at + 2) : readLength(bytes, at + 2);
    const end = at + head + size;
    if (end > available) break;
    sink(first & 0x0f, bytes, at + head, end);
    at = end;
  }
  return at;
}

function readLength(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}

/** A frame as a client sends it: masked, and in one piece. */
export function clientFrame(opcode: number, payload: string | Buffer): Buffer {
  const size = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
  const head = size < 126 ? 6 : 8;
  if (size > 0xffff) throw new RangeError(`a message of ${size} bytes is longer than any of the benchmark`);
  const frame = Buffer.allocUnsafe(head + size);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (head === 6 ? size : 126);
  if (head === 8) frame.writeUInt16BE(size, 2);
  frame.set(mask, head - 4);
  if (typeof payload === 'string') frame.write(payload, head);
  else frame.set(payload, head);
  for (let index = 0; index < size; index++) {
    frame[head + index] = (frame[head + index] ?? 0) ^ (mask[index & 3] ?? 0);
  }
  return frame;
}
