import type { Duplex } from 'node:stream';
import type { Frame } from '../../rooms/frame.ts';

/** A flush of so many sockets is followed by a pause, in which more can be gathered for the next one. */
const manyWrites = 16;
const pauseMs = 1;
/** Timers go by the clock of the turn, which is as late as the turn is long: what is left of a pause may be more than this. */
const timerSlackMs = 0.25;

/**
 * Writes out what many outboxes were given within one turn of the event loop, each with one write: the system call is
 * what a delivery costs, not the frame. Under load it waits for a millisecond more.
 */
export class Flusher {
  #dirty: Outbox[] = [];
  #notBefore = 0;
  readonly #flush = () => {
    if (performance.now() < this.#notBefore - timerSlackMs) {
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
  #frames: Buffer[] = [];
  #bytes = 0;
  #sent = 0;

  constructor(socket: Duplex, flusher: Flusher) {
    this.#socket = socket;
    this.#flusher = flusher;
  }

  add(frame: Frame): void {
    const bytes = onWire(frame);
    if (this.#frames.push(bytes) === 1) this.#flusher.add(this);
    this.#bytes += bytes.length;
  }

  /** How many bytes the client has not taken off our hands yet. */
  get waiting(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  /** How many bytes it has taken. */
  get taken(): number {
    return this.#sent - this.#socket.writableLength;
  }

  /** Hands everything to the operating system, or to the queue in front of it. */
  flush(): void {
    const frames = this.#frames;
    if (frames.length === 0) return;
    this.#frames = [];
    this.#bytes = 0;
    if (!this.#socket.writable) return;
    const bytes = joined(frames);
    this.#sent += bytes.length;
    this.#socket.write(bytes);
  }
}

/** The frame that was put on the wire last, and how: an announcement goes to one outbox after the other. */
let lastFrame: Frame | undefined;
let lastOnWire: Buffer = Buffer.alloc(0);

/** A text frame, unmasked and whole (RFC 6455, section 5.2). */
function onWire(frame: Frame): Buffer {
  if (frame === lastFrame) return lastOnWire;
  const { text } = frame;
  const length = Buffer.byteLength(text);
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

/** The frames that were joined last: the members of a busy room were all sent the same ones. */
let lastFrames: readonly Buffer[] = [];
let lastJoined: Buffer = Buffer.alloc(0);

function joined(frames: readonly Buffer[]): Buffer {
  const [only] = frames;
  if (frames.length === 1 && only !== undefined) return only;
  if (!isSame(frames, lastFrames)) {
    lastJoined = Buffer.concat(frames);
    lastFrames = frames;
  }
  return lastJoined;
}

function isSame(frames: readonly Buffer[], others: readonly Buffer[]): boolean {
  if (frames.length !== others.length) return false;
  for (let i = 0; i < frames.length; i += 1) if (frames[i] !== others[i]) return false;
  return true;
}
