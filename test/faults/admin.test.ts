import { describe, expect, test } from 'vitest';
import { admin } from '../support/admin.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { openSocket } from '../support/socket.ts';
import { closeOf, departed, enter, type Guest, listed, seat, within } from './crowd.ts';

const roomId = 'room-0';
const effectiveWithinMs = 1000;

/** Two guests on each of three nodes, in one room. */
async function start(): Promise<{ cluster: Cluster; guests: Guest[] }> {
  const cluster = await startCluster();
  return { cluster, guests: await seat(cluster, [[0, 1, 2, 0, 1, 2]]) };
}

/** The nodes, one by one, as those that an administrator happens to ask. */
async function each(cluster: Cluster, act: (node: Cluster['nodes'][number]) => Promise<void>): Promise<void> {
  for (const node of cluster.nodes) await act(node);
}

describe('whatever node an administrator asks, within a second it is so on every node:', () => {
  test('a broadcast reaches all, once, and counts them', async () => {
    const { cluster, guests } = await start();
    await each(cluster, async (node) => {
      const message = `by ${node.port}`;
      const response = await admin(node, 'POST', `/connections/rooms/${roomId}/broadcast`, { message });
      expect(await response.json()).toMatchObject({
        delivered: 6,
        message: 'Message broadcast to 6 clients',
      });
      for (const { socket } of guests) {
        expect((await socket.next('notice', effectiveWithinMs)).payload.message).toBe(message);
      }
    });
    for (const { socket } of guests) {
      await socket.ask('presence.list');
      expect(socket.frames.filter(({ type }) => type === 'notice')).toHaveLength(3);
    }
  }, 30_000);

  test('a kick ends the one connection, and each of the others hears of it, once', async () => {
    const { cluster, guests } = await start();
    let staying = guests;
    for (const [n, node] of cluster.nodes.entries()) {
      // One of the next node, so that it is never the node that is asked.
      const victim = staying.find((guest) => guest.node === cluster.nodes[(n + 1) % 3]) ?? never();
      staying = staying.filter((guest) => guest !== victim);
      const startedAt = performance.now();
      const kick = () => admin(node, 'POST', `/connections/${victim.clientId}/kick`, { reason: 'Off topic' });
      const response = await kick();
      expect([response.status, await response.json()]).toEqual([
        200,
        { success: true, message: 'Client disconnected' },
      ]);
      expect(await closeOf(victim, effectiveWithinMs)).toBe(4500);
      expect(performance.now() - startedAt).toBeLessThan(effectiveWithinMs);
      await within(effectiveWithinMs, async () => {
        for (const one of staying)
          expect(departed(one).filter((id) => id === victim.clientId)).toHaveLength(1);
        for (const other of cluster.nodes) expect(await listed(other)).not.toContain(victim.clientId);
      });
      expect((await kick()).status).toBe(404);
    }
    expect(departed(staying[0] ?? never())).toHaveLength(3);
  }, 30_000);

  test('one connection is found by its id', async () => {
    const { cluster, guests } = await start();
    await each(cluster, async (node) => {
      for (const { clientId } of guests) {
        const response = await admin(node, 'GET', `/connections/${clientId}`);
        expect([response.status, (await response.json()).id]).toEqual([200, clientId]);
      }
    });
  }, 30_000);

  test('who is banned is put out wherever it is, and let in nowhere', async () => {
    const { cluster, guests } = await start();
    const [first = never(), second = never(), third = never()] = cluster.nodes;
    const tabs = [await enter(second, roomId, 'banned'), await enter(third, roomId, 'banned')];
    const path = `/connections/${tabs[0]?.clientId}/kick`;
    expect((await admin(first, 'POST', path, { banSeconds: 60 })).status).toBe(200);
    const codes = await Promise.all(tabs.map((guest) => closeOf(guest, effectiveWithinMs)));
    expect(codes).toEqual([4500, 4501]);
    await each(cluster, async (node) => {
      await expect(openSocket(node, `/ws/zoom/${roomId}`, node.token({ sub: 'banned' }))).rejects.toThrow(
        /refused with 403.*"code":"banned"/,
      );
      const bans = await (await admin(node, 'GET', '/bans')).json();
      expect(bans).toMatchObject([{ userId: 'banned', roomId }]);
      expect(await listed(node)).toHaveLength(guests.length);
    });
  }, 30_000);

  test('a room that is closed is over on all nodes, and counted once', async () => {
    const { cluster, guests } = await start();
    const closing = cluster.nodes.map((node) => admin(node, 'POST', `/connections/rooms/${roomId}/close`));
    const answers = await Promise.all((await Promise.all(closing)).map((response) => response.json()));
    const counts = answers.map(({ disconnected = 0 }) => disconnected);
    expect(counts.reduce((sum, count) => sum + count)).toBe(6);
    for (const guest of guests) expect(await closeOf(guest, effectiveWithinMs)).toBe(4502);
    await within(effectiveWithinMs, () =>
      each(cluster, async (node) => expect(await listed(node)).toEqual([])),
    );
    for (const { socket } of guests) {
      expect(socket.frames.filter(({ type }) => type === 'room.closed')).toHaveLength(1);
    }
    const [again] = await seat(cluster, [[1]]);
    expect(again?.socket.frames[0]?.payload).toMatchObject({
      rosterTotal: 1,
      self: { order: 1, isHost: true },
    });
  }, 30_000);

  test('100 closes at once on all nodes end each connection once, and their counts add up', async () => {
    const { cluster, guests } = await start();
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const node = cluster.nodes[n % 3] ?? never();
        for (;;) {
          const response = await admin(node, 'POST', `/connections/rooms/${roomId}/close`);
          const body = await response.json();
          // So many at once may take longer than one waits for: who is told so asks again.
          if (body.code !== 'degraded') return { status: response.status, body };
          await new Promise((later) => setTimeout(later, 1_000 * body.retryAfter));
        }
      }),
    );
    const done = answers.filter(({ status }) => status === 200);
    expect(answers.every(({ status }) => status === 200 || status === 404)).toBe(true);
    expect(done.reduce((sum, { body }) => sum + body.disconnected, 0)).toBe(6);
    for (const guest of guests) expect(await closeOf(guest, effectiveWithinMs)).toBe(4502);
  }, 30_000);
});

function never(): never {
  throw new Error('there are three nodes with two guests each');
}
