import { expect, test } from 'vitest';
import { LocalBanStore } from '../../src/rooms/local-ban-store.ts';
import { behind, openRooms, unreachable } from '../support/domain.ts';

const kick = { by: 'admin', byUserId: 'root', banSeconds: 60 } as const;

test('where the store answers at once, whoever is banned is out in the same tick', () => {
  const { join, exclusion } = openRooms();
  const [one, two] = [join('troll'), join('troll', 'zoom')];
  expect(exclusion.kick(one.connection, kick)).toBe(true);
  expect(one.told).toEqual(['session.kicked', 'kicked']);
  expect(two.told).toEqual(['session.kicked', 'banned']);
  expect(() => exclusion.check('troll', one.connection)).toThrow('kept out');
  expect(exclusion.check('somebody else', one.connection)).toBeUndefined();
});

test('nobody is put out before the ban is stored; then also who came meanwhile', async () => {
  const gate = Promise.withResolvers<void>();
  const bans = new LocalBanStore(Date.now);
  const { join, exclusion } = openRooms({ bans: behind(bans, () => gate.promise) });
  const one = join('troll');
  const kicked = exclusion.kick(one.connection, kick);
  const two = join('troll', 'zoom');
  expect([one.told, two.told]).toEqual([[], []]);
  gate.resolve();
  await kicked;
  expect(bans.size).toBe(1);
  expect([one.told.at(-1), two.told.at(-1)]).toEqual(['kicked', 'banned']);
  await expect(exclusion.check('troll', one.connection)).rejects.toMatchObject({ code: 'banned' });
});

test('a ban that cannot be stored puts nobody out', async () => {
  const bans = behind(new LocalBanStore(Date.now), unreachable);
  const { join, exclusion } = openRooms({ bans });
  const one = join('troll');
  await expect(exclusion.kick(one.connection, kick)).rejects.toThrow('no store');
  expect(one.told).toEqual([]);
  await expect(exclusion.check('troll', one.connection)).rejects.toThrow('no store');
});
