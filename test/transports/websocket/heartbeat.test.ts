import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Connection } from '../../../src/rooms/connection.ts';
import { Heartbeat, type Watched } from '../../../src/transports/websocket/heartbeat.ts';

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

/** A socket that says of itself what a test wants; what real ones say is seen end to end. */
function watched() {
  const state = { waiting: 0, taken: 0, closed: [] as string[], pings: 0, lastHeardAt: 0 };
  const socket: Watched = {
    get lastHeardAt() {
      return state.lastHeardAt;
    },
    progress: () => state,
    ping: () => {
      state.pings += 1;
      state.lastHeardAt = Date.now(); // answered at once
    },
    close: (name) => state.closed.push(name),
  };
  return { state, socket };
}

const connection = { identity: { expiresAt: Number.MAX_SAFE_INTEGER } } as Connection;

function start() {
  const heartbeat = new Heartbeat({ intervalMs: 15_000, timeoutMs: 25_000 }, Date.now, Date.now);
  const { state, socket } = watched();
  heartbeat.watch(socket, connection);
  return { heartbeat, state, socket };
}

test('a socket is pinged each interval, and one that answers stays', () => {
  const { state } = start();
  vi.advanceTimersByTime(60_000);
  expect([state.pings, state.closed]).toEqual([4, []]);
});

test('many who come together are not pinged together, and each is within the interval', () => {
  const heartbeat = new Heartbeat({ intervalMs: 15_000, timeoutMs: 25_000 }, Date.now, Date.now);
  const crowd = Array.from({ length: 300 }, watched);
  for (const { socket } of crowd) heartbeat.watch(socket, connection);
  const perSecond: number[] = [];
  let before = 0;
  for (let second = 0; second < 15; second += 1) {
    vi.advanceTimersByTime(1000);
    const pings = crowd.reduce((sum, { state }) => sum + state.pings, 0);
    perSecond.push(pings - before);
    before = pings;
  }
  expect(crowd.every(({ state }) => state.pings === 1)).toBe(true);
  expect(Math.max(...perSecond)).toBeLessThan(30);
});

test('a client that takes nothing for ten seconds is closed, one that takes something is not', () => {
  const { state } = start();
  state.waiting = 100;
  for (let second = 0; second < 30; second += 1) {
    state.taken += 1;
    vi.advanceTimersByTime(1000);
  }
  expect(state.closed).toEqual([]);
  vi.advanceTimersByTime(9_000);
  expect(state.closed).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(new Set(state.closed)).toEqual(new Set(['slow_consumer'])); // a real one closes once
});

test('what clients say while nothing runs is read before they are taken for silent', () => {
  const { state, socket } = start();
  socket.ping = () => {};
  vi.advanceTimersByTime(14_000);
  vi.setSystemTime(Date.now() + 30_000);
  vi.advanceTimersByTime(250);
  expect(state.closed).toEqual([]);
  state.lastHeardAt = Date.now();
  vi.advanceTimersByTime(24_000);
  expect(state.closed).toEqual([]);
});

test('one who could not be asked while nothing ran has the time of an answer', () => {
  const { state, socket } = start();
  vi.advanceTimersByTime(14_000);
  socket.ping = () => {};
  vi.setSystemTime(Date.now() + 30_000);
  vi.advanceTimersByTime(10_000);
  expect(state.closed).toEqual([]);
  vi.advanceTimersByTime(1_000);
  expect(state.closed).toContain('heartbeat_timeout');
});

test('nothing is awaited of one that is half-open, however busy this process is', () => {
  const { state, socket } = start();
  socket.ping = () => {};
  for (let busy = 0; busy < 26; busy += 1) {
    vi.setSystemTime(Date.now() + 750); // every tick is late
    vi.advanceTimersByTime(250);
  }
  expect(state.closed).toContain('heartbeat_timeout');
});

test('nothing waits, so there is nothing to take', () => {
  const { state } = start();
  vi.advanceTimersByTime(120_000);
  expect(state.closed).toEqual([]);
});

test('a socket that is forgotten is left alone; a stopped heartbeat beats no more', () => {
  const { heartbeat, state, socket } = start();
  heartbeat.forget(socket);
  vi.advanceTimersByTime(60_000);
  expect(state.pings).toBe(0);
  heartbeat.watch(socket, connection);
  heartbeat.stop();
  vi.advanceTimersByTime(60_000);
  expect(state.pings).toBe(0);
});
