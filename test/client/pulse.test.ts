import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Pulse } from '../../src/client/pulse.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const heartbeat = { intervalMs: 15_000, timeoutMs: 22_000 };

test('asks as often as the server does, and takes as long a silence for the end', () => {
  const [ping, dead] = [vi.fn(), vi.fn()];
  const pulse = new Pulse(heartbeat, ping, dead);
  for (let n = 0; n < 10; n += 1) {
    vi.advanceTimersByTime(17_500);
    expect(ping).toHaveBeenCalledTimes(n + 1);
    pulse.heard();
  }
  expect(dead).not.toHaveBeenCalled();
  vi.advanceTimersByTime(25_000);
  expect(dead).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(100_000);
  expect([dead, ping].map(({ mock }) => mock.calls.length)).toEqual([1, 11]);
});

test('who slept finds what has come before it is taken for silence', () => {
  const dead = vi.fn();
  const pulse = new Pulse(heartbeat, () => {}, dead);
  vi.advanceTimersByTime(17_500);
  // One timer that is late by an hour is one step, after which what has come is heard.
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersToNextTimer();
  expect(dead).not.toHaveBeenCalled();
  pulse.heard();
  vi.advanceTimersByTime(21_000);
  expect(dead).not.toHaveBeenCalled();
  pulse.stop();
  expect(vi.getTimerCount()).toBe(0);
});
