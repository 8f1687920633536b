import { describe, expect, test } from 'vitest';
import { admin } from '../support/admin.ts';
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts';
import { connectTo, startRedis } from '../support/redis.ts';
import { openSocket } from '../support/socket.ts';
import {
  closeOf,
  departed,
  enter,
  expectOneView,
  expectTalk,
  type Guest,
  heard,
  joined,
  listed,
  roommates,
  seat,
  within,
} from './crowd.ts';

/** Rooms over all nodes, and of one node each. */
const rooms = [
  [0, 1, 2, 0],
  [1, 2, 0, 1],
  [2, 2],
  [0, 0],
];

async function start(): Promise<{ cluster: Cluster; guests: Guest[] }> {
  const cluster = await startCluster();
  return { cluster, guests: await seat(cluster, rooms) };
}

const readiness = async (node: ClusterNode): Promise<number> => (await fetch(`${node.url}/readyz`)).status;

/** All are in one view on all nodes, and whoever comes is, too, and is heard. */
async function expectWhole(cluster: Cluster, guests: readonly Guest[]): Promise<void> {
  const ids = guests.map(({ clientId }) => clientId).toSorted();
  for (const node of cluster.nodes) {
    expect(await readiness(node)).toBe(200);
    expect(await listed(node)).toEqual(ids);
  }
  await expectOneView(guests);
}

/** Guests of one room that are on different nodes hear each other, and one who comes. */
async function expectTogether(cluster: Cluster, guests: readonly Guest[]): Promise<void> {
  const inRoom = guests.filter(({ roomId }) => roomId === 'room-0');
  for (const from of inRoom) {
    for (const to of inRoom) if (from !== to) await expectTalk(from, to, `${from.clientId} ${to.clientId}`);
  }
  const newcomer = await enter(cluster.nodes[1] ?? never(), 'room-0', 'newcomer');
  await within(1000, () => {
    for (const guest of inRoom)
      expect(joined(guest).filter((id) => id === newcomer.clientId)).toHaveLength(1);
  });
  await expectOneView([...guests, newcomer]);
}

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

describe('a subscriber that is half-open, while commands go through:', () => {
  /** Stalls what one node is subscribed by at the moment, and gives how many connections that were. */
  async function stallSubscribers({ redis }: Cluster, { redisProxy }: ClusterNode): Promise<number> {
    const list = String(await (await connectTo(redis)).command('CLIENT', 'LIST', 'TYPE', 'PUBSUB'));
    const ports = [...list.matchAll(/ addr=127\.0\.0\.1:(\d+) /g)].map(([, port]) => Number(port));
    return ports.filter((port) => redisProxy.stallOne(port)).length;
  }

  test('within 6 s it is noticed and rebuilt; what came meanwhile is known', async () => {
    const { cluster, guests } = await start();
    const [deaf = never(), speaking = never()] = cluster.nodes;
    const listeners = guests.filter(({ node, roomId }) => node === deaf && roomId === 'room-0');
    expect(await stallSubscribers(cluster, deaf)).toBeGreaterThan(0);
    const newcomer = await enter(speaking, 'room-0', 'newcomer');
    await deaf.process.prints(/"msg":"delivery\.silent"/, 8000);
    await deaf.process.prints(/"msg":"delivery\.restored"/, 4000);
    await within(2000, async () => {
      for (const guest of listeners) {
        expect(joined(guest).filter((id) => id === newcomer.clientId)).toHaveLength(1);
      }
      expect(await readiness(deaf)).toBe(200);
    });
    await expectOneView([...guests, newcomer]);
    await expectTalk(newcomer, listeners[0] ?? never(), 'Do you hear me?');
    expect(guests.every(({ socket }) => socket.ws.readyState === socket.ws.OPEN)).toBe(true);
  }, 60_000);

  test('while it cannot be rebuilt the node is not ready, and the others are', async () => {
    const { cluster, guests } = await start();
    const [deaf = never(), ...others] = cluster.nodes;
    deaf.redisProxy.stallComing();
    expect(await stallSubscribers(cluster, deaf)).toBeGreaterThan(0);
    await within(12_000, async () => {
      const response = await fetch(`${deaf.url}/readyz`);
      expect([response.status, (await response.json()).code]).toEqual([503, 'degraded']);
    });
    for (const node of others) expect(await readiness(node)).toBe(200);
    await deaf.redisProxy.set({ kind: 'pass' });
    await within(12_000, () => expectWhole(cluster, guests));
    await expectTogether(cluster, guests);
  }, 60_000);
});

function never(): never {
  throw new Error('there are three nodes, with guests each');
}
