import { expect, test } from 'vitest';
import { RecentTokens } from '../../src/auth/recent-tokens.ts';
import { createVerifier } from '../../src/auth/tokens.ts';
import type { Identity } from '../../src/rooms/identity.ts';
import { jwtSecret, mintToken } from '../support/token.ts';

const identity = { userId: 'a' } as Identity;

test('a token is known for a minute, and never beyond its end', () => {
  const recent = new RecentTokens();
  recent.keep('long', identity, 1_000_000, 0);
  recent.keep('short', identity, 5_000, 0);
  expect([recent.find('long', 59_999), recent.find('long', 60_000)]).toEqual([identity, undefined]);
  expect([recent.find('short', 4_999), recent.find('short', 5_000)]).toEqual([identity, undefined]);
  expect(recent.find('lon', 0)).toBeUndefined();
});

test('only the newest are known', () => {
  const recent = new RecentTokens();
  for (let n = 0; n < 5_000; n += 1) recent.keep(`token ${n}`, identity, 1_000_000, 0);
  const known = Array.from({ length: 5_000 }, (_, n) => recent.find(`token ${n}`, 1)).filter(Boolean);
  expect(known).toHaveLength(4_096);
  expect(recent.find('token 4999', 1)).toBe(identity);
});

test('what is over is not kept', () => {
  const recent = new RecentTokens();
  for (let n = 0; n < 500; n += 1) recent.keep(`token ${n}`, identity, 1_000_000, n * 1_000);
  expect(recent.size).toBe(60);
});

test('a verifier takes the same token at its word, until the minute or the token is over', async () => {
  let now = Date.now();
  const { verify } = createVerifier({ keys: { kind: 'secret', secret: jwtSecret }, now: () => now });
  const token = mintToken({ exp: Math.floor(now / 1000) + 40 });
  const first = await verify(token);
  expect(await verify(token)).toBe(first);
  now += 61_000; // within the tolerance for clocks
  const second = await verify(token);
  expect(second).not.toBe(first);
  expect(second).toEqual(first);
  now += 10_000;
  await expect(verify(token)).rejects.toMatchObject({ code: 'token_expired' });
});
