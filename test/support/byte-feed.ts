/**
 * What a parser waits for: a line (it gets it without its end), so many bytes, the next bytes however many
 * (none at the end of the stream), or the gate, which somebody else opens.
 */
export type Need = 'line' | 'some' | 'gate' | number;

/** A parser of a byte stream: it yields what it needs and is resumed with it. */
export type Parser<T = void> = Generator<Need, T, Buffer>;

/** Bytes that no parser can make sense of. */
export class StreamFault extends Error {}

const nothing = Buffer.alloc(0);

/** Runs a parser over a stream that comes in pieces of any size. */
export class ByteFeed {
  readonly #parser: Parser;
  #chunks: Buffer[] = [];
  #size = 0;
  #need: Need | undefined;
  #gateOpen = false;
  #ended = false;

  constructor(parser: Parser) {
    this.#parser = parser;
    this.#resume(() => parser.next());
  }

  /** How many bytes wait for more to come. */
  get waiting(): number {
    return this.#size;
  }

  /** Takes the next piece; a {@link StreamFault} of the parser comes out here, and ends it. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    this.#run();
  }

  /** Lets a parser that waits for the gate, or comes to it next, pass once. */
  openGate(): void {
    this.#gateOpen = true;
    this.#run();
  }

  /** The stream is over. */
  end(): void {
    this.#ended = true;
    this.#run();
  }

  #run(): void {
    for (;;) {
      const piece = this.#take();
      if (piece === undefined) return;
      this.#resume(() => this.#parser.next(piece));
    }
  }

  #resume(next: () => IteratorResult<Need, void>): void {
    this.#need = undefined; // stays so where the parser throws
    const result = next();
    if (!result.done) this.#need = result.value;
  }

  #take(): Buffer | undefined {
    switch (this.#need) {
      case undefined:
        return undefined;
      case 'gate':
        if (!this.#gateOpen) return undefined;
        this.#gateOpen = false;
        return nothing;
      case 'some':
        return this.#size > 0 || this.#ended ? this.#cut(this.#size) : undefined;
      case 'line': {
        const end = this.#joined().indexOf(10);
        return end < 0 ? undefined : withoutLineEnd(this.#cut(end + 1));
      }
      default:
        return this.#size >= this.#need ? this.#cut(this.#need) : undefined;
    }
  }

  #joined(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = [all ?? nothing];
    return this.#chunks[0] ?? nothing;
  }

  #cut(length: number): Buffer {
    const all = this.#joined();
    this.#chunks = [all.subarray(length)];
    this.#size = all.length - length;
    return all.subarray(0, length);
  }
}

function withoutLineEnd(line: Buffer): Buffer {
  return line.subarray(0, line.at(-2) === 13 ? -2 : -1);
}
