import { setImmediate as nextTurn } from 'node:timers/promises';
import { percentile } from '../statistics.ts';

/**
 * When independent senders would send, together so many times a second: a Poisson process, from a seed, so that every
 * contestant gets the same one. In milliseconds from the start.
 */
export function schedule(count: number, perSecond: number, seed = 1): Float64Array {
  const random = mulberry32(seed);
  let due = 0;
  return Float64Array.from({ length: count }, () => {
    due += (-Math.log(1 - random()) * 1000) / perSecond;
    return due;
  });
}

/**
 * Sends when it is time to, whether or not the server keeps up. Polls the clock at each turn of the event loop, since
 * timers of a whole millisecond would send in bursts, which flatter servers that gather.
 *
 * @returns how late the sends were, 99th percentile, in milliseconds
 */
export async function pace(
  dueMs: Float64Array,
  send: (index: number) => void,
  check: () => void,
): Promise<number> {
  const startedAt = performance.now();
  const lateMs: number[] = [];
  for (let index = 0; index < dueMs.length; ) {
    const elapsed = performance.now() - startedAt;
    for (; index < dueMs.length && (dueMs[index] ?? 0) <= elapsed; index++) {
      send(index);
      lateMs.push(elapsed - (dueMs[index] ?? 0));
    }
    check();
    await nextTurn();
  }
  return percentile(lateMs, 99);
}

/** A small generator of random numbers that can be seeded, unlike `Math.random`. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
