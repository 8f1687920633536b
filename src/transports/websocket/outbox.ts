import type { Duplex } from 'node:stream';
import { bytesOf, type Frame } from '../../rooms/frame.ts';

/** A flush of so many sockets is followed by a pause, in which more can be gathered for the next one. */
const manyWrites = 16;
const pauseMs = 1;

/**
 * Writes out what many outboxes were given within one turn of the event loop, each with one write: the system call is
 * what a delivery costs, not the frame. Under load it waits for a millisecond more.
 */
export class Flusher {
  #dirty: Outbox[] = [];
  #notBefore = 0;
  readonly #flush = () => {
    if (performance.now() < this.#notBefore) {
      // Timers go by when the turn began, and a turn with a flush in it is long: this one came too early.
      setTimeout(this.#flush, pauseMs);
      return;
    }
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const outbox of dirty) outbox.flush();
    if (dirty.length >= manyWrites) this.#notBefore = performance.now() + pauseMs;
  };

  /** Takes note of an outbox that is empty no more. */
  add(outbox: Outbox): void {
    if (this.#dirty.push(outbox) > 1) return;
    if (performance.now() < this.#notBefore) setTimeout(this.#flush, pauseMs);
    // The check phase comes when every socket that was readable has been read, so that what these said goes together.
    else setImmediate(this.#flush);
  }
}

/**
 * What waits to be written to one client.
 *
 * It writes whole frames of RFC 6455 to the socket that was handed to the WebSocket library, past the library. That is
 * safe because the library was told not to compress: then its own frames, pings and closes, go to the same socket at
 * once and whole, and never between two halves of ours. `flush` comes before each close.
 */
export class Outbox {
  readonly #socket: Duplex;
  readonly #flusher: Flusher;
  #waiting: Chain | undefined;
  #sent = 0;

  constructor(socket: Duplex, flusher: Flusher) {
    this.#socket = socket;
    this.#flusher = flusher;
  }

  add(frame: Frame): void {
    if (this.#waiting === undefined) this.#flusher.add(this);
    this.#waiting = extended(this.#waiting ?? empty, frame);
  }

  /** How many bytes the client has not taken off our hands yet. */
  get waiting(): number {
    return (this.#waiting?.size ?? 0) + this.#socket.writableLength;
  }

  /** How many bytes it has taken. */
  get taken(): number {
    return this.#sent - this.#socket.writableLength;
  }

  /** Hands everything to the operating system, or to the queue in front of it. */
  flush(): void {
    const chain = this.#waiting;
    if (chain === undefined) return;
    this.#waiting = undefined;
    if (!this.#socket.writable) return;
    this.#sent += chain.size;
    this.#socket.write(joined(chain));
  }
}

/**
 * Frames in the order in which they were added, the last one first. The members of a busy room are sent the same ones,
 * and so they share one chain, which is joined once for all of them.
 */
interface Chain {
  readonly before: Chain | undefined;
  readonly bytes: Buffer;
  /** Of all frames. */
  readonly size: number;
  joined: Buffer | undefined;
  /** The chain that this one became last, and by which frame. */
  next: Chain | undefined;
  nextFrame: Frame | undefined;
}

const nothing = Buffer.alloc(0);
const empty: Chain = chainOf(undefined, nothing, 0);

function chainOf(before: Chain | undefined, bytes: Buffer, size: number): Chain {
  return { before, bytes, size, joined: undefined, next: undefined, nextFrame: undefined };
}

function extended(chain: Chain, frame: Frame): Chain {
  if (chain.next !== undefined && chain.nextFrame === frame) return chain.next;
  const bytes = onWire(frame);
  const next = chainOf(chain === empty ? undefined : chain, bytes, chain.size + bytes.length);
  chain.next = next;
  chain.nextFrame = frame;
  return next;
}

function joined(chain: Chain): Buffer {
  if (chain.before === undefined) return chain.bytes;
  if (chain.joined !== undefined) return chain.joined;
  const bytes = Buffer.allocUnsafe(chain.size);
  let end = chain.size;
  for (let at: Chain | undefined = chain; at !== undefined; at = at.before) {
    end -= at.bytes.length;
    bytes.set(at.bytes, end);
  }
  chain.joined = bytes;
  return bytes;
}

/** The frame that was put on the wire last, and how: an announcement goes to one outbox after the other. */
let lastFrame: Frame | undefined;
let lastOnWire = nothing;

/** A text frame, unmasked and whole (RFC 6455, section 5.2). */
function onWire(frame: Frame): Buffer {
  if (frame === lastFrame) return lastOnWire;
  const { text } = frame;
  const length = bytesOf(frame);
  const start = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(start + length);
  bytes[0] = 0x81; // FIN, and the opcode of text
  if (start === 2) bytes[1] = length;
  else if (start === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeBigUInt64BE(BigInt(length), 2);
  }
  bytes.write(text, start);
  lastFrame = frame;
  lastOnWire = bytes;
  return bytes;
}
