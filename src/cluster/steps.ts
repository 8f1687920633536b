/** So many at once: with more, Redis would answer nobody in time. */
export const atOnce = 50;

/** Does something with each of many, some of them at a time; what fails is left to `act`. Never rejects. */
export async function inSteps<T>(all: readonly T[], act: (one: T) => Promise<unknown>): Promise<void> {
  for (let index = 0; index < all.length; index += atOnce) {
    await Promise.allSettled(all.slice(index, index + atOnce).map(act));
  }
}
