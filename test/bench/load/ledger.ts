/** What a mark is made of: `@`, the sender in its room, the number of the message, and when it was sent. */
const digits = { sender: 5, number: 7, micros: 10 } as const;
const at = 0x40;
/** How long a mark is. */
export const markLength = 1 + digits.sender + digits.number + digits.micros;
/** One delivery of so many is timed; a prime, so that no room size hides the same members from every sample. */
const timedEvery = 13;

/**
 * Knows what was sent, and holds every delivery against it: each message reaches each member of its room, once, and
 * after the sender's earlier ones. Messages carry a mark, so that none needs to be parsed.
 */
export class Ledger {
  /** How many deliveries came. */
  delivered = 0;
  /** Milliseconds from sending to receiving, of a sample of the deliveries. */
  latencies: number[] = [];
  readonly #senders: number;
  /** By room and sender: the number of its next message. */
  readonly #next: Uint32Array;
  /** By receiver and sender: the number of the message that must come next. */
  readonly #expected: Uint32Array;
  /** Where the last mark was found: mostly the next one is in the same place. */
  #offset = 0;

  /** @param senders how many members of each room send */
  constructor(rooms: number, size: number, senders: number) {
    this.#senders = senders;
    this.#next = new Uint32Array(rooms * senders);
    this.#expected = new Uint32Array(rooms * size * senders);
  }

  /** The mark of the next message of a sender, which is sent now. */
  mark(room: number, sender: number): string {
    const index = room * this.#senders + sender;
    const number = this.#next[index] ?? 0;
    this.#next[index] = number + 1;
    const micros = Math.floor(performance.now() * 1000);
    return `@${pad(sender, digits.sender)}${pad(number, digits.number)}${pad(micros, digits.micros)}`;
  }

  /** Takes a text that a receiver got; `false`: it carries no mark. Throws if it must not come, or not yet. */
  take(receiver: number, bytes: Buffer, start: number, end: number): boolean {
    const mark = this.#find(bytes, start, end);
    if (mark < 0) return false;
    const sender = readDigits(bytes, mark + 1, digits.sender);
    const number = readDigits(bytes, mark + 1 + digits.sender, digits.number);
    const index = receiver * this.#senders + sender;
    const expected = this.#expected[index] ?? 0;
    if (number !== expected) {
      const what = number < expected ? 'came twice' : 'was lost or overtaken';
      throw new Error(`message ${Math.min(number, expected)} of sender ${sender} ${what} (got ${number})`);
    }
    this.#expected[index] = expected + 1;
    this.delivered += 1;
    if (this.delivered % timedEvery === 0) {
      const micros = readDigits(bytes, mark + 1 + digits.sender + digits.number, digits.micros);
      this.latencies.push(performance.now() - micros / 1000);
    }
    return true;
  }

  #find(bytes: Buffer, start: number, end: number): number {
    const guess = start + this.#offset;
    if (guess + markLength <= end && bytes[guess] === at) return guess;
    const found = bytes.indexOf(at, start);
    if (found < 0 || found + markLength > end) return -1;
    this.#offset = found - start;
    return found;
  }
}

function pad(number: number, width: number): string {
  return String(number).padStart(width, '0');
}

function readDigits(bytes: Buffer, start: number, count: number): number {
  let number = 0;
  for (let index = start; index < start + count; index++) number = number * 10 + (bytes[index] ?? 0) - 48;
  return number;
}
