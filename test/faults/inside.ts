import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Loaded into a server before its own code (`--import`), by tests alone: does to it from inside what cannot be done from
// outside, and tells what cannot be seen from there.

/** What it is asked; each is answered, in order. */
export type Order =
  | { readonly act: 'sample' }
  /** Does nothing else for so long. */
  | { readonly act: 'block'; readonly blockMs: number }
  /** Sets the wall clock, and leaves the steady one, as an administrator does. */
  | { readonly act: 'shift'; readonly shiftMs: number };

/** What a process holds. */
export interface Sample {
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** What libuv has open: sockets, pipes, requests. */
  readonly handles: number;
  /** What waits for its time, also where it keeps nothing alive. */
  readonly timers: number;
  /** Of these, what comes again and again, and what has waited for over a minute, as nothing that anybody did is to. */
  readonly lastingTimers: number;
}

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const lastingMs = 60_000;
/** Since when each is set. */
const timers = new Map<unknown, number>();
watchTimers();

const wallClock = Date.now;
let shiftMs = 0;
Date.now = () => wallClock() + shiftMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, args, self) => Reflect.construct(target, args.length > 0 ? args : [target.now()], self),
});

process.on('message', (order: Order) => process.send?.(carryOut(order) ?? {}));
process.on('disconnect', () => process.exit());
process.channel?.unref();

function carryOut(order: Order): Sample | undefined {
  if (order.act === 'sample') return sample();
  if (order.act === 'shift') shiftMs = order.shiftMs;
  else for (const until = performance.now() + order.blockMs; performance.now() < until; );
  return undefined;
}

function sample(): Sample {
  collect();
  collect(); // what the first one finalized
  const { rss, heapUsed } = process.memoryUsage();
  const handles = process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length;
  const isLasting = (setAt: number) => performance.now() - setAt > lastingMs;
  const lastingTimers = [...timers.values()].filter(isLasting).length;
  return { residentBytes: rss, heapBytes: heapUsed, handles, timers: timers.size, lastingTimers };
}

/** Node counts only those timers that keep a process alive, which few of a server do. */
function watchTimers(): void {
  const { setTimeout: later, setInterval: every, clearTimeout: forget, clearInterval: stop } = globalThis;
  const once = (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]): NodeJS.Timeout => {
    const timer = later(() => {
      timers.delete(timer);
      run(...args);
    }, ms);
    timers.set(timer, performance.now());
    return timer;
  };
  const again = (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]): NodeJS.Timeout => {
    const timer = every(run, ms, ...args);
    timers.set(timer, Number.NEGATIVE_INFINITY); // it lasts by its nature
    return timer;
  };
  const forgotten = (clear: typeof forget) => (timer?: NodeJS.Timeout | string | number) => {
    timers.delete(timer);
    clear(timer);
  };
  Object.assign(globalThis, {
    setTimeout: Object.assign(once, later),
    setInterval: Object.assign(again, every),
    clearTimeout: forgotten(forget),
    clearInterval: forgotten(stop),
  });
}
