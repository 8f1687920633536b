import { expect, test } from 'vitest';
import { type Ban, LocalBanStore } from '../../src/rooms/bans.ts';

const room = { roomId: 'r', channel: 'chat' } as const;
let lastId = 0;
const ban = (until: number, more: Partial<Ban> = {}): Ban => {
  lastId += 1;
  const usual = { banId: `b${lastId}`, roomId: 'r', channel: undefined, userId: 'u', reason: undefined };
  return { ...usual, bannedBy: 'admin', until, ...more };
};

test('a ban holds until its end, in its room and its channel, for its user', () => {
  let now = 0;
  const bans = new LocalBanStore(() => now);
  const whole = ban(100);
  const narrow = ban(200, { channel: 'chat' });
  bans.add(whole);
  bans.add(narrow);
  expect(bans.find('u', room)).toBe(narrow); // the longest
  expect(bans.find('u', { ...room, channel: 'zoom' })).toBe(whole);
  expect(bans.find('u', { ...room, roomId: 'other' })).toBeUndefined();
  expect(bans.find('somebody else', room)).toBeUndefined();
  now = 100;
  expect(bans.find('u', { ...room, channel: 'zoom' })).toBeUndefined();
  expect(bans.list()).toEqual([narrow]);
  now = 200;
  expect(bans.find('u', room)).toBeUndefined();
  expect(bans.list()).toEqual([]);
});

test('lifting one leaves the others; what has ended or never was cannot be lifted', () => {
  let now = 0;
  const bans = new LocalBanStore(() => now);
  const [one, two] = [ban(100), ban(50)];
  bans.add(one);
  bans.add(two);
  expect(bans.lift(one.banId)).toBe(true);
  expect(bans.lift(one.banId)).toBe(false);
  expect(bans.find('u', room)).toBe(two);
  now = 50;
  expect(bans.lift(two.banId)).toBe(false);
  expect(bans.lift('nothing')).toBe(false);
});

test('a hundred thousand bans that have ended are forgotten as some more are added', () => {
  let now = 0;
  const bans = new LocalBanStore(() => now);
  for (let n = 0; n < 100_000; n += 1) bans.add(ban(1, { userId: `user ${n}` }));
  expect(bans.size).toBe(100_000);
  now = 1;
  for (let n = 0; n < 10_000; n += 1) bans.add(ban(2, { userId: 'one' }));
  expect(bans.size).toBe(10_000);
});
