import { bytesOf, type Frame } from '../../rooms/frame.ts';

/** How much is kept for one client that may lack it. */
export interface ReplayBounds {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** What is kept for one client, as JSON. */
export interface PackedReplay {
  /** How many messages it has. */
  readonly received: number;
  /** How many were handed to it. */
  readonly handed: number;
  /** The texts of those that it lacks. */
  readonly missed: readonly string[];
}

/** A power of two, as every size of the ring. */
const firstSize = 8;

/**
 * The reliable frames of one session, by their count, as long as its client may lack them: what it can be sent again
 * when it comes back.
 *
 * What is over the bounds is dropped, the oldest first. Once that is something that the client cannot have, nothing is
 * kept any more: there is no resuming in part. The frames themselves are shared with all who were sent them.
 */
export class Replay {
  readonly #bounds: ReplayBounds;
  /** A ring by count, as large as it had to be: most sessions are idle. */
  #frames: (Frame | undefined)[] = [];
  /** The bytes of each. */
  #sizes: number[] = [];
  #bytes = 0;
  /** The count of the last frame. */
  #sent = 1;
  /** The count of the last one that is not kept. The first, the welcome, has everybody who can ask for more. */
  #dropped = 1;
  /** The count of the last one that the client may have: none of those that came while it was away. */
  #handed = Number.POSITIVE_INFINITY;

  constructor(bounds: ReplayBounds) {
    this.#bounds = bounds;
  }

  /** What was packed on another node, and what has come since then. */
  static unpack(
    bounds: ReplayBounds,
    { received, handed, missed }: PackedReplay,
    since: readonly Frame[],
  ): Replay {
    const replay = new Replay(bounds);
    replay.#sent = replay.#dropped = received;
    replay.#handed = handed;
    for (const text of missed) replay.add({ text, volatile: false });
    for (const frame of since) replay.add(frame);
    return replay;
  }

  /** All that is kept for a client that has so many, of which {@link has} has said that the rest is there. */
  pack(received: number): PackedReplay {
    const handed = Math.min(this.#sent, this.#handed);
    return { received, handed, missed: this.#since(received).map(({ text }) => text) };
  }

  /** Keeps the frame that is sent now. */
  add(frame: Frame): void {
    const { maxMessages, maxBytes } = this.#bounds;
    this.#sent += 1;
    const isLost = this.#dropped > this.#handed;
    if (isLost || maxMessages === 0) return this.#letGo();
    if (this.#sent - this.#dropped > maxMessages) this.#drop();
    if (this.#sent - this.#dropped > this.#frames.length) this.#grow();
    const at = this.#sent & (this.#frames.length - 1);
    const size = bytesOf(frame);
    this.#frames[at] = frame;
    this.#sizes[at] = size;
    this.#bytes += size;
    while (this.#bytes > maxBytes) this.#drop();
    if (this.#dropped > this.#handed) this.#letGo();
  }

  /** The client has so many, and will not ask for these; says whether it can have them. */
  trim(received: number): boolean {
    if (received > this.#sent) return false;
    while (this.#dropped < received) this.#drop();
    return true;
  }

  /** The client is away: whatever comes from now on it cannot have. */
  leave(): void {
    this.#handed = this.#sent;
  }

  /** Whether all is there that a client lacks which has so many. */
  has(received: number): boolean {
    return received >= this.#dropped && received <= Math.min(this.#sent, this.#handed);
  }

  /** The client is back, with so many, of which {@link has} has said that the rest is there: gives the rest. */
  return(received: number): readonly Frame[] {
    this.#handed = Number.POSITIVE_INFINITY;
    this.trim(received);
    return this.#since(received);
  }

  #since(received: number): Frame[] {
    const missed: Frame[] = [];
    for (let count = received + 1; count <= this.#sent; count += 1) {
      const frame = this.#frames[count & (this.#frames.length - 1)];
      if (frame !== undefined) missed.push(frame);
    }
    return missed;
  }

  /** Forgets the oldest. */
  #drop(): void {
    this.#dropped += 1;
    const at = this.#dropped & (this.#frames.length - 1);
    this.#bytes -= this.#sizes[at] ?? 0;
    this.#frames[at] = undefined;
  }

  #letGo(): void {
    this.#frames = [];
    this.#sizes = [];
    this.#bytes = 0;
    this.#dropped = this.#sent;
  }

  #grow(): void {
    const [frames, sizes] = [this.#frames, this.#sizes];
    const length = frames.length * 2 || firstSize;
    this.#frames = new Array(length).fill(undefined);
    this.#sizes = new Array(length).fill(0);
    for (let count = this.#dropped + 1; count < this.#sent; count += 1) {
      const from = count & (frames.length - 1);
      this.#frames[count & (length - 1)] = frames[from];
      this.#sizes[count & (length - 1)] = sizes[from] ?? 0;
    }
  }
}
