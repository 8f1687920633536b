import { expect, test } from 'vitest';
import { LocalBanStore } from '../../src/rooms/local-ban-store.ts';
import { banStoreSuite, banUntil } from './ban-store-suite.ts';

banStoreSuite('LocalBanStore', (clock) => new LocalBanStore(() => clock.nowMs));

test('a hundred thousand bans that have ended are forgotten as some more are added', () => {
  let now = 0;
  const bans = new LocalBanStore(() => now);
  for (let n = 0; n < 100_000; n += 1) bans.add(banUntil(1, { userId: `user ${n}` }));
  expect(bans.size).toBe(100_000);
  now = 1;
  for (let n = 0; n < 10_000; n += 1) bans.add(banUntil(2, { userId: 'one' }));
  expect(bans.size).toBe(10_000);
});
