import { expect, test } from 'vitest';
import { limitHeaders } from '../../src/limits/headers.ts';
import type { LimitPolicy } from '../../src/limits/policy.ts';

const policy: LimitPolicy = {
  name: 'connections-active',
  limit: 30,
  windowMs: 60_000,
  block: { minMs: 60_000, maxMs: 600_000 },
};

test('an allowed request is told its policy and what is left', () => {
  expect(limitHeaders(policy, { allowed: true, limit: 30, remaining: 12, resetMs: 41_000 })).toEqual({
    'RateLimit-Policy': '"connections-active";q=30;w=60',
    RateLimit: '"connections-active";r=12;t=41',
    'RateLimit-Limit': '30',
    'RateLimit-Remaining': '12',
    'RateLimit-Reset': '41',
  });
});

test('a refused one is also told when to come back', () => {
  const blocked = {
    limit: 30,
    retryAfterMs: 240_000,
    level: 3,
    blockedUntil: 1_790_000_000_000,
    started: true,
  };
  expect(limitHeaders(policy, { allowed: false, ...blocked })).toEqual({
    'RateLimit-Policy': '"connections-active";q=30;w=60',
    RateLimit: '"connections-active";r=0;t=240',
    'RateLimit-Limit': '30',
    'RateLimit-Remaining': '0',
    'RateLimit-Reset': '240',
    'Retry-After': '240',
  });
});

test.each([
  [1, '1'],
  [999, '1'],
  [1000, '1'],
  [1001, '2'],
  [60_000, '60'],
])('%i ms is %s s', (resetMs, seconds) => {
  const headers = limitHeaders(policy, { allowed: true, limit: 30, remaining: 0, resetMs });
  expect(headers['RateLimit-Reset']).toBe(seconds);
});
