import { SignalboxError } from './errors.ts';
import type { Ready } from './ready.ts';

/** How long an answer is kept for its key. */
export const rememberedMs = 24 * 60 * 60 * 1000;

/**
 * Answers to requests that carried an `Idempotency-Key`, kept for 24 hours, so that a retry acts only once: in this
 * process, or on all nodes.
 *
 * Every version passes `test/rooms/idempotency-keys-suite.ts` and promises:
 * - Of more at once with the same key one acts, and the others wait for it and are answered the same.
 * - An `act` that throws is not remembered: who waits for it, or comes later, acts itself.
 *
 * One that does no I/O acts, answers and throws in the same tick, where `act` does; one that cannot be reached rejects,
 * and does not act.
 */
export interface IdempotencyKeys {
  /**
   * Runs `act`, or repeats what it returned to the same caller for the same key.
   *
   * @param caller a name without blanks
   * @param key `undefined`: acts, and remembers nothing
   * @param request what the answer depends on, or a hash of it; the same key with another one is `idempotency_conflict`
   * @param act its answer must survive JSON
   */
  once<T>(caller: string, key: string | undefined, request: string, act: () => Ready<T>): Ready<T>;
}

/** Refuses a key that was used with another request (`idempotency_conflict`). */
export function refuseOther(known: { readonly request: string }, request: string): void {
  if (known.request === request) return;
  throw new SignalboxError('idempotency_conflict', 'This Idempotency-Key was used with another request.');
}
