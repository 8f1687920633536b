import { expect, test } from 'vitest';
import type { BanStore } from '../../src/rooms/ban-store.ts';
import { LocalBanStore } from '../../src/rooms/local-ban-store.ts';
import { upgrade } from '../support/raw.ts';
import { startServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

/** Bans that are looked up only once the test has released them. */
function heldBans() {
  const bans = new LocalBanStore(Date.now);
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const store: BanStore = {
    add: (ban) => bans.add(ban),
    lift: (banId) => bans.lift(banId),
    list: () => bans.list(),
    find: async (userId, place) => {
      asked.resolve();
      await released.promise;
      return bans.find(userId, place);
    },
  };
  return { store, asked: asked.promise, release: () => released.resolve() };
}

test('one handshake more than may wait is refused with overloaded, and the others come in', async () => {
  const handshakes = { perTurn: 16, atOnce: 1, maxWaiting: 2, waitMs: 5_000 };
  const bans = heldBans();
  const server = await startServer({}, { bans: bans.store, handshakes });
  const path = '/ws/chat/busy';
  const first = join(server, path, server.token({ sub: 'first' }));
  await bans.asked;
  const later = Array.from({ length: 3 }, (_, n) =>
    upgrade(server, `${path}?token=${server.token({ sub: `${n}` })}`),
  );
  const refusal = await Promise.race(later);
  expect(refusal).toMatchObject({ status: 503, body: { code: 'overloaded', retryAfter: 5 } });
  expect(refusal.headers['retry-after']).toBe('5');
  // Who is there already, and the API, do not wait for handshakes.
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  bans.release();
  await first;
  expect((await Promise.all(later)).map(({ status }) => status).toSorted()).toEqual([101, 101, 503]);
});
