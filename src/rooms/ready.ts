import { SignalboxError } from './errors.ts';

/** What may be there at once, or come later: a store that does no I/O answers without a promise. */
export type Ready<T> = T | Promise<T>;

/**
 * Goes on with an answer: in this very tick where it is there, so that nothing can come in between, and else when it
 * comes. Where it fails to come, `next` is not called, and the promise that this returns is rejected.
 */
export function whenReady<T, R>(answer: Ready<T>, next: (answer: T) => Ready<R>): Ready<R> {
  return answer instanceof Promise ? answer.then(next) : next(answer);
}

/** Asks, and does something where the answer fails to come, at once or later. It fails still. */
export function whenFailed<T>(ask: () => Ready<T>, failed: (error: unknown) => void): Ready<T> {
  const fail = (error: unknown): never => {
    failed(error);
    throw error;
  };
  try {
    const answer = ask();
    return answer instanceof Promise ? answer.catch(fail) : answer;
  } catch (error) {
    return fail(error);
  }
}

/** Does something with each, of which none waits for another; answers when all of it is done, or fails with the first. */
export function allReady<T>(all: readonly T[], act: (one: T) => Ready<unknown>): Ready<void> {
  const open = all.map(act).filter((done) => done instanceof Promise);
  return open.length > 0 ? Promise.all(open).then(() => {}) : undefined;
}

/** Does something whose end nobody waits for. That it may be refused does no harm; any other fault shows as uncaught. */
export function tryTo(act: () => Ready<unknown>): void {
  void Promise.try(act).catch((error) => {
    if (!(error instanceof SignalboxError)) throw error;
  });
}

/** The same, but for what it answers. */
export function done(answer: Ready<unknown>): Ready<undefined> {
  return whenReady(answer, () => undefined);
}
