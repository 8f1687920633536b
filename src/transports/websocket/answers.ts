import { type ClientMessage, clientMessages, frameLimits } from '../../../generated/messages.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Frame } from '../../rooms/frame.ts';

/** What is remembered, as JSON; the last is the answer, where it is not one to be given anew. */
export type PackedAnswers = readonly (readonly [
  id: string,
  type: ClientMessage['type'],
  text: string | null,
])[];

interface Answered {
  readonly type: ClientMessage['type'];
  /** Absent for a read, which is carried out again. */
  readonly answer: Frame | undefined;
}

/**
 * The answers of one session by the `id` of the message, so that a client that missed one may send again: the same
 * `id` repeats the answer, and nothing is done twice. Only the last 256 are remembered.
 */
export class Answers {
  /** Oldest first; made when there is something to remember, since most sockets are idle. */
  #answered: Map<string, Answered> | undefined;

  /** The answer to repeat, if there is one; an `id` that comes with another type is `id_conflict`. */
  recall({ id, type }: ClientMessage): Frame | undefined {
    const known = id === undefined ? undefined : this.#answered?.get(id);
    if (known === undefined || known.type === type) return known?.answer;
    throw new SignalboxError('id_conflict', `The id ${id} belongs to a ${known.type}.`);
  }

  pack(): PackedAnswers {
    return Array.from(this.#answered ?? [], ([id, { type, answer }]) => [id, type, answer?.text ?? null]);
  }

  unpack(packed: PackedAnswers): void {
    if (packed.length === 0) return;
    this.#answered = new Map(
      packed.map(([id, type, text]) => [
        id,
        { type, answer: text === null ? undefined : { text, volatile: false } },
      ]),
    );
  }

  /** Whether there is one to repeat. */
  has({ id = '', type }: ClientMessage): boolean {
    const known = this.#answered?.get(id);
    return known?.type === type && known.answer !== undefined;
  }

  remember({ id, type }: ClientMessage, answer: Frame): void {
    if (id === undefined) return;
    this.#answered ??= new Map();
    this.#answered.delete(id);
    this.#answered.set(id, { type, answer: clientMessages[type].read ? undefined : answer });
    if (this.#answered.size <= frameLimits.maxRememberedAnswers) return;
    const [oldest] = this.#answered.keys();
    if (oldest !== undefined) this.#answered.delete(oldest);
  }
}
