import { expect, test } from 'vitest';
import { type ClusterNode, startCluster } from '../support/cluster.ts';
import { connectTo } from '../support/redis.ts';
import { closeOf, departed, expectOneView, type Guest, listed, roommates, seat, within } from './crowd.ts';

/** Rooms over all nodes, and one of the first node alone. */
const rooms = [
  [0, 1, 2, 0],
  [1, 0, 2],
  [0, 0, 1],
  [0, 0],
];

/** Three nodes that keep lost sessions for a minute, and who is on the first of them and on the others. */
async function start() {
  const cluster = await startCluster({ env: { RESUME_WINDOW_MS: '60000' } });
  const [leaving = never()] = cluster.nodes;
  const guests = await seat(cluster, rooms);
  const gone = guests.filter(({ node }) => node === leaving);
  return { cluster, leaving, gone, staying: guests.filter(({ node }) => node !== leaving) };
}

/** When the node's log has said something, in milliseconds of the test's clock. */
const said = (node: ClusterNode, what: RegExp): Promise<number> =>
  node.process.prints(what, 30_000).then(() => performance.now());

/** Whom a guest has lost. */
const lostBy = (guest: Guest, gone: readonly Guest[]): string[] =>
  roommates(gone, guest)
    .map(({ clientId }) => clientId)
    .toSorted();

/** Whom a guest has been told of as away. */
const away = ({ socket }: Guest): string[] =>
  socket.frames
    .filter(({ type, payload }) => type === 'presence.updated' && payload.connectionStatus === 'disconnected')
    .map(({ payload }) => String(payload.clientId))
    .toSorted();

test('a node stops: its sessions are kept for a while, then ended for all, and nothing is left to be swept', async () => {
  const { cluster, leaving, gone, staying } = await start();
  const { nodes, redis } = cluster;
  const store = await connectTo(redis, 5_000);
  leaving.signal('SIGTERM');
  const drainedAt = said(leaving, /server\.draining/);
  for (const guest of gone) {
    expect(await closeOf(guest, 5000)).toBe(1012);
    expect(guest.socket.frames.filter(({ type }) => type === 'session.draining')).toHaveLength(1);
  }
  // At first they are away, and could come back.
  await within(1000, () => {
    for (const guest of staying) {
      expect(away(guest)).toEqual(lostBy(guest, gone));
    }
  });
  for (const guest of staying) expect(departed(guest)).toEqual([]);
  const awayIds = gone.map(({ clientId }) => clientId).toSorted();
  expect(await listed(nodes[1] ?? never(), '?status=disconnected')).toEqual(awayIds);

  expect((await leaving.process.finished).code).toBe(0);
  const tookMs = performance.now() - (await drainedAt);
  expect(tookMs).toBeGreaterThan(4_500);
  expect(tookMs).toBeLessThan(15_000);
  // By now all have been told that they left, each once, and Redis has nothing of the node.
  await within(1000, () => {
    for (const guest of staying) {
      expect(departed(guest)).toEqual(lostBy(guest, gone));
    }
  });
  const leases = await store.command('ZRANGE', 'signalbox:{.nodes}:leases', 0, -1);
  expect(leases).toHaveLength(2);
  const id = gone[0]?.clientId.split('_')[1];
  expect(leases).not.toContain(id);
  expect(await store.command('EXISTS', `signalbox:{node:${id}}:connections`)).toBe(0);
  // A beat later the others know that it left, rather than that it has still to come back.
  await within(3000, async () => {
    for (const node of nodes.slice(1)) {
      expect(await listed(node)).toEqual(staying.map(({ clientId }) => clientId).toSorted());
    }
  });
  await expectOneView(staying);
}, 60_000);

test('a node stops while Redis hangs: it ends all the same, and is swept', async () => {
  const { cluster, leaving, gone, staying } = await start();
  await leaving.redisProxy.set({ kind: 'stall' });
  const beganAt = performance.now();
  leaving.signal('SIGTERM');
  for (const guest of gone) expect(await closeOf(guest, 5000)).toBe(1012);
  expect((await leaving.process.finished).code).toBe(0);
  expect(performance.now() - beganAt).toBeLessThan(30_000);
  await within(15_000, async () => {
    for (const node of cluster.nodes.slice(1)) {
      expect(await listed(node)).toEqual(staying.map(({ clientId }) => clientId).toSorted());
    }
  });
  for (const guest of staying) {
    expect(departed(guest)).toEqual(lostBy(guest, gone));
  }
  await expectOneView(staying);
}, 90_000);

test('all nodes stop at once: none waits for another for longer than it may', async () => {
  const { cluster, gone, staying } = await start();
  const beganAt = performance.now();
  for (const node of cluster.nodes) node.signal('SIGTERM');
  for (const guest of [...gone, ...staying]) expect(await closeOf(guest, 5000)).toBe(1012);
  for (const node of cluster.nodes) expect((await node.process.finished).code).toBe(0);
  expect(performance.now() - beganAt).toBeLessThan(15_000);
  const store = await connectTo(cluster.redis, 5_000);
  expect(await store.command('EXISTS', 'signalbox:{.nodes}:leases')).toBe(0);
}, 60_000);

function never(): never {
  throw new Error('there are three nodes');
}
