import { connect, type Socket } from 'node:net';
import { ByteFeed } from '../support/byte-feed.ts';
import { readResponseHead } from '../support/http-stream.ts';
import { atScopeEnd } from '../support/scope.ts';
import { type ObservedFrame, readFrames } from '../support/websocket-stream.ts';

/** A frame of RFC 6455, section 5.2, right or wrong. */
export interface FrameParts {
  readonly opcode?: number;
  readonly fin?: boolean;
  /** The three reserved bits. */
  readonly reserved?: number;
  readonly masked?: boolean;
  readonly payload?: string | Buffer;
  /** The length that the frame claims to have; by default that of its payload. */
  readonly claims?: number | bigint;
}

/** Encodes a frame as a client does; the mask is all zeros, so the payload stays readable. */
export function frame(parts: FrameParts = {}): Buffer {
  const { opcode = 1, fin = true, reserved = 0, masked = true } = parts;
  const payload = Buffer.from(parts.payload ?? '');
  const length = BigInt(parts.claims ?? payload.length);
  const size = length < 126n ? 0 : length < 65_536n ? 2 : 8;
  const head = Buffer.alloc(2 + size);
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (size === 0 ? Number(length) : size === 2 ? 126 : 127);
  if (size === 2) head.writeUInt16BE(Number(length), 2);
  if (size === 8) head.writeBigUInt64BE(length, 2);
  return Buffer.concat([head, ...(masked ? [Buffer.alloc(4)] : []), payload]);
}

/** A client that has opened a WebSocket, and from then on sends whatever bytes it likes. */
export class RawSocket {
  /** Every frame of the server so far. */
  readonly frames: ObservedFrame[] = [];
  readonly tcp: Socket;
  #changed: () => void = () => {};
  #ended = false;

  /** Asks for the upgrade, and sends `rest` in the same breath. */
  constructor({ port }: { readonly port: number }, path: string, rest: Buffer = Buffer.alloc(0)) {
    const handshake = [
      `GET ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    const { frames } = this;
    const feed = new ByteFeed(
      (function* () {
        yield* readResponseHead();
        yield* readFrames(false, (one) => frames.push(one));
      })(),
    );
    this.tcp = connect({ port, host: '127.0.0.1' });
    atScopeEnd(() => this.tcp.destroy());
    this.tcp.on('error', () => {});
    this.tcp.on('data', (chunk) => {
      feed.push(chunk);
      this.#changed();
    });
    for (const over of ['end', 'close']) {
      this.tcp.on(over, () => {
        this.#ended = true;
        this.#changed();
      });
    }
    this.tcp.write(Buffer.concat([Buffer.from(`${handshake.join('\r\n')}\r\n\r\n`), rest]));
  }

  /** Waits for the first frame that `pick` finds something in. */
  async find<T>(pick: (frame: ObservedFrame) => T | undefined, withinMs = 5000): Promise<T> {
    const deadline = Date.now() + withinMs;
    for (let seen = 0; ; ) {
      for (; seen < this.frames.length; seen += 1) {
        const one = this.frames[seen];
        const found = one && pick(one);
        if (found !== undefined) return found;
      }
      const kinds = this.frames.slice(-5).map(({ kind }) => kind);
      if (this.#ended) throw new Error(`the connection ended after ${kinds.join(', ')}`);
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw new Error(`${withinMs} ms went by, at last with ${kinds.join(', ')}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The text of the first message that has this in it. */
  message(part: string): Promise<string> {
    return this.find((one) => {
      const text = one.kind === 'message' ? one.data.toString() : undefined;
      return text?.includes(part) ? text : undefined;
    });
  }

  /** The code that the server closes with. */
  closeCode(): Promise<number> {
    return this.find((one) => (one.kind === 'close' ? one.code : undefined));
  }
}

/** Opens a raw socket and waits for its welcome. */
export async function openRaw(server: { readonly port: number }, path: string): Promise<RawSocket> {
  const socket = new RawSocket(server, path);
  await socket.message('session.welcome');
  return socket;
}
