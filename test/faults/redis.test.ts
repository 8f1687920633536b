import { describe, expect, test } from 'vitest';
import { admin } from '../support/admin.ts';
import type { Cluster } from '../support/cluster.ts';
import { connectTo, startRedis } from '../support/redis.ts';
import { openSocket } from '../support/socket.ts';
import { closeOf, departed, enter, type Guest, heard, roommates, within } from './crowd.ts';
import { expectTogether, expectWhole, never, start } from './whole.ts';

/** Since then nobody was told of anybody who came or went, and everybody is still connected. */
function expectUndisturbed(guests: readonly Guest[], since: ReadonlyMap<Guest, number>): void {
  for (const guest of guests) {
    expect(guest.socket.ws.readyState).toBe(guest.socket.ws.OPEN);
    const later = guest.socket.frames.slice(since.get(guest));
    const types = later.map(({ type }) => type).filter((type) => /^presence\.(joined|left)|host/.test(type));
    expect(types).toEqual([]);
  }
}

const now = (guests: readonly Guest[]) => new Map(guests.map((guest) => [guest, heard(guest)]));

describe('Redis emptied: sockets stay, and within 6 s all is there again:', () => {
  test.each([
    [
      'FLUSHALL',
      async ({ redis }: Cluster) => {
        await (await connectTo(redis)).command('FLUSHALL', 'SYNC');
      },
    ],
    [
      'killed and started anew, on the same port',
      async ({ redis }: Cluster) => {
        await redis.kill();
        await startRedis(redis.port);
      },
    ],
  ])(
    '%s',
    async (_name, empty) => {
      const { cluster, guests } = await start();
      await expectWhole(cluster, guests);
      await guests[0]?.socket.ask('room.update', { admission: 'approval' });
      const since = now(guests);
      await empty(cluster);
      await within(6000, () => expectWhole(cluster, guests));
      expectUndisturbed(guests, since);
      // What its hosts decided is still so: it is in memory wherever somebody of the room is.
      const waiting = await openSocket(
        cluster.nodes[1] ?? never(),
        '/ws/zoom/room-0',
        cluster.token({ sub: 'w' }),
      );
      await waiting.next('admission.waiting');
      await guests[0]?.socket.ask('room.update', { admission: 'open' });
      await waiting.next('session.welcome');
      await waiting.close();
      await within(1000, () => expectWhole(cluster, guests));
      await expectTogether(cluster, guests);
    },
    60_000,
  );
});

describe('Redis gone for longer than a lease:', () => {
  /** Longer than a lease, and than any beat: what a minute would show, too. */
  const goneMs = 12_000;

  test.each([
    ['nobody listens', { kind: 'refuse' }],
    ['it hangs', { kind: 'stall' }],
  ] as const)(
    '%s',
    async (_name, mode) => {
      const { cluster, guests } = await start();
      await expectWhole(cluster, guests);
      const since = now(guests);
      const gone = Promise.all(cluster.nodes.map(({ redisProxy }) => redisProxy.set(mode)));
      const backAt = performance.now() + goneMs;
      await gone;

      const [first = never(), , , fourth = never()] = guests; // of one room and one node
      await within(8000, async () => {
        for (const node of cluster.nodes) {
          const response = await fetch(`${node.url}/readyz`);
          expect([response.status, (await response.json()).code]).toEqual([503, 'degraded']);
        }
      });
      // Within a node, they go on.
      for (let n = 0; n < 20; n += 1) {
        const offer = { to: fourth.clientId, sdp: `v=0 ${n}` };
        expect((await first.socket.ask('signal.offer', offer)).type).toBe('ack');
        expect((await fourth.socket.next('signal.offer', 1000)).payload.sdp).toBe(`v=0 ${n}`);
      }
      // What needs Redis says so, soon: 100 ms, and as much again for this machine.
      const startedAt = performance.now();
      const refused = await first.socket.ask('room.update', { locked: true });
      expect([refused.type, refused.payload.code, refused.payload.retryable]).toEqual([
        'error',
        'degraded',
        true,
      ]);
      expect(performance.now() - startedAt).toBeLessThan(200);
      const kick = await admin(first.node, 'POST', `/connections/${guests[1]?.clientId}/kick`);
      expect([kick.status, (await kick.json()).code]).toEqual([503, 'degraded']);
      const upgrade = openSocket(first.node, '/ws/zoom/elsewhere', cluster.token({ sub: 'late' }));
      await expect(upgrade).rejects.toThrow(/refused with 503.*"code":"degraded"/);
      const list = await admin(first.node, 'GET', '/connections/active');
      expect([list.status, list.headers.get('signalbox-partial')]).toEqual([200, 'true']);
      const ids = (await list.json()).map(({ id }: { id: string }) => id);
      expect(ids).toEqual(expect.arrayContaining([first.clientId, fourth.clientId]));
      // One goes meanwhile, which the others hear of when they can.
      const [leaver = never()] = guests.filter(({ node }) => node !== first.node && node === guests[1]?.node);
      await leaver.socket.close();
      const staying = guests.filter((guest) => guest !== leaver);
      expect(staying.every(({ socket }) => socket.ws.readyState === socket.ws.OPEN)).toBe(true);

      await new Promise((done) => setTimeout(done, backAt - performance.now()));
      await Promise.all(cluster.nodes.map(({ redisProxy }) => redisProxy.set({ kind: 'pass' })));
      await within(10_000, () => expectWhole(cluster, staying));
      for (const guest of staying) {
        expect(guest.socket.ws.readyState).toBe(guest.socket.ws.OPEN);
        const later = guest.socket.frames.slice(since.get(guest)).map(({ type }) => type);
        expect(later).not.toContain('presence.joined');
        expect(departed(guest)).toEqual(roommates([leaver], guest).map(({ clientId }) => clientId));
      }
      await expectTogether(cluster, staying);
    },
    90_000,
  );

  test('one node is cut off from it for that long: swept, it closes its sockets, and comes again', async () => {
    const { cluster, guests } = await start();
    const [cut = never()] = cluster.nodes;
    const lost = guests.filter(({ node }) => node === cut);
    const staying = guests.filter(({ node }) => node !== cut);
    await cut.redisProxy.set({ kind: 'stall' });
    await within(12_000, () => {
      for (const guest of staying) {
        const ids = roommates(lost, guest).map(({ clientId }) => clientId);
        expect(departed(guest)).toEqual(ids.toSorted());
      }
    });
    await cut.redisProxy.set({ kind: 'pass' });
    for (const guest of lost) expect(await closeOf(guest, 5000)).toBe(1012);
    await within(10_000, () => expectWhole(cluster, staying));
    for (const guest of staying) expect(departed(guest).length).toBe(roommates(lost, guest).length);
    await expectTogether(cluster, [...staying, await enter(cut, 'room-0', 'again')]);
  }, 60_000);
});
