import { describe, expect, test } from 'vitest';
import type { Ban, BanStore } from '../../src/rooms/ban-store.ts';

/** The time of a store under test; setting it is the only way that bans end. */
export interface Clock {
  nowMs: number;
}

const minuteMs = 60_000;
const start = Date.UTC(2026, 0, 1);
const room = { roomId: 'r', channel: 'chat' } as const;
let lastId = 0;

/** A ban of the user `u` from the whole room `r`. */
export function banUntil(until: number, more: Partial<Ban> = {}): Ban {
  lastId += 1;
  const banId = `b${String(lastId).padStart(9, '0')}`; // sorts by time, as a real one does
  const usual = { banId, roomId: 'r', channel: undefined, userId: 'u', reason: undefined };
  return { ...usual, bannedBy: 'admin', until, ...more };
}

/**
 * The cases that every `BanStore` passes.
 *
 * @param create returns a store without bans that reads the given clock
 */
export function banStoreSuite(name: string, create: (clock: Clock) => BanStore | Promise<BanStore>): void {
  async function setUp() {
    const clock: Clock = { nowMs: start };
    return { clock, bans: await create(clock) };
  }

  describe(name, () => {
    test('a ban holds until its end, in its room and its channel, for its user', async () => {
      const { clock, bans } = await setUp();
      const whole = banUntil(start + minuteMs);
      const narrow = banUntil(start + 2 * minuteMs, { channel: 'chat', reason: 'spam' });
      await bans.add(whole);
      await bans.add(narrow);
      expect(await bans.find('u', room)).toStrictEqual(narrow); // the longest
      expect(await bans.find('u', { ...room, channel: 'zoom' })).toStrictEqual(whole);
      expect(await bans.find('u', { ...room, roomId: 'other' })).toBeUndefined();
      expect(await bans.find('somebody else', room)).toBeUndefined();
      clock.nowMs += minuteMs - 1;
      expect(await bans.find('u', { ...room, channel: 'zoom' })).toStrictEqual(whole);
      clock.nowMs += 1;
      expect(await bans.find('u', { ...room, channel: 'zoom' })).toBeUndefined();
      expect(await bans.list()).toStrictEqual([narrow]);
      clock.nowMs += minuteMs;
      expect(await bans.find('u', room)).toBeUndefined();
      expect(await bans.list()).toEqual([]);
    });

    test('lifting one leaves the others; what has ended or never was cannot be lifted', async () => {
      const { clock, bans } = await setUp();
      const [one, two] = [banUntil(start + 2 * minuteMs), banUntil(start + minuteMs)];
      await bans.add(one);
      await bans.add(two);
      expect(await bans.lift(one.banId)).toBe(true);
      expect(await bans.lift(one.banId)).toBe(false);
      expect(await bans.find('u', room)).toStrictEqual(two);
      expect(await bans.list()).toStrictEqual([two]);
      clock.nowMs += minuteMs;
      expect(await bans.lift(two.banId)).toBe(false);
      expect(await bans.lift('nothing')).toBe(false);
    });

    test('of two who lift the same ban one has done it', async () => {
      const { bans } = await setUp();
      const ban = banUntil(start + minuteMs);
      await bans.add(ban);
      const lifted = await Promise.all([bans.lift(ban.banId), bans.lift(ban.banId)]);
      expect(lifted.toSorted()).toEqual([false, true]);
    });

    test('the list has all of them, the oldest first, also where there are thousands', async () => {
      const { clock, bans } = await setUp();
      const all = Array.from({ length: 2_500 }, (_, n) =>
        banUntil(start + (n % 7) * minuteMs, { roomId: `r${n % 50}`, userId: `u${n}` }),
      );
      for (const ban of all) await bans.add(ban);
      clock.nowMs += minuteMs;
      const inForce = all.filter(({ until }) => until > clock.nowMs);
      expect((await bans.list()).map(({ banId }) => banId)).toEqual(inForce.map(({ banId }) => banId));
    });

    test('names and reasons may hold anything', async () => {
      const { bans } = await setUp();
      const texts = ['', 'a b', '{r}', 'r}:ban:u', '"', 'é💬', '\n', '__proto__', '1767225600000 {}'];
      const all = [...texts, ...texts].map((userId) =>
        banUntil(start + minuteMs, { userId, reason: `${userId}\ud800` }),
      );
      for (const ban of all) await bans.add(ban);
      for (const userId of texts) expect(await bans.find(userId, room)).toMatchObject({ userId });
      expect(await bans.list()).toStrictEqual(all);
    });
  });
}
