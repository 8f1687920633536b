/** What may be there at once, or come later: a store that does no I/O answers without a promise. */
export type Ready<T> = T | Promise<T>;

/**
 * Goes on with an answer: in this very tick where it is there, so that nothing can come in between, and else when it
 * comes. Where it fails to come, `next` is not called, and the promise that this returns is rejected.
 */
export function whenReady<T, R>(answer: Ready<T>, next: (answer: T) => Ready<R>): Ready<R> {
  return answer instanceof Promise ? answer.then(next) : next(answer);
}
