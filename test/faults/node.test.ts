import { expect, test } from 'vitest';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { startRedis } from '../support/redis.ts';
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

/** The promise: lease and sweep together. */
const sweptWithinMs = 12_000;

/** Three nodes and 300 guests in 60 rooms: most rooms over all nodes, some of one node each. */
async function crowded(): Promise<{ cluster: Cluster; guests: Guest[] }> {
  const cluster = await startCluster();
  const rooms = Array.from({ length: 60 }, (_, room) =>
    Array.from({ length: 5 }, (_, n) => (room < 6 ? room % 3 : (room + n) % 3)),
  );
  return { cluster, guests: await seat(cluster, rooms) };
}

/** Waits until the others have forgotten all who are gone, and have told those who stay, each once. */
async function expectSwept(gone: readonly Guest[], staying: readonly Guest[]): Promise<void> {
  const ids = staying.map(({ clientId }) => clientId).toSorted();
  for (const node of new Set(staying.map((guest) => guest.node))) expect(await listed(node)).toEqual(ids);
  for (const guest of staying) {
    const lost = roommates(gone, guest).map(({ clientId }) => clientId);
    expect(departed(guest)).toEqual(lost.toSorted());
  }
}

test('a node is killed: within 12 s it has no ghosts, and each peer has heard of each loss once', async () => {
  const { cluster, guests } = await crowded();
  const [victim] = cluster.nodes;
  const all = guests.map(({ clientId }) => clientId).toSorted();
  for (const node of cluster.nodes) expect(await listed(node)).toEqual(all);
  await expectOneView(guests);
  const gone = guests.filter(({ node }) => node === victim);
  const staying = guests.filter(({ node }) => node !== victim);
  expect([gone.length, staying.length]).toEqual([100, 200]);

  victim?.signal('SIGKILL');
  await within(sweptWithinMs, () => expectSwept(gone, staying));
  await expectOneView(staying);
  // Nobody sweeps it a second time. That nothing happens has no event: by then each of the others has had some beats.
  await new Promise((done) => setTimeout(done, 3000));
  await expectSwept(gone, staying);
  for (const { socket } of staying) {
    for (const { payload } of socket.frames.filter(({ type }) => type === 'presence.left')) {
      for (const one of payload.departures as { reason: string }[]) expect(one.reason).toBe('disconnected');
    }
  }
  // The rooms that were on that node alone are over, and their names are free.
  const alone = gone.find((guest) => roommates(staying, guest).length === 0);
  const { socket } = await enter(cluster.nodes[1] ?? never(), alone?.roomId ?? '');
  expect(socket.frames[0]?.payload).toMatchObject({ rosterTotal: 1, self: { order: 1, isHost: true } });
}, 90_000);

test('a node is killed, and then Redis, which comes back empty: within 12 s there is no ghost, and nobody else is lost', async () => {
  const cluster = await startCluster();
  const guests = await seat(cluster, [
    [0, 1, 2, 0],
    [1, 2],
    [0, 0],
  ]);
  const [victim] = cluster.nodes;
  const gone = guests.filter(({ node }) => node === victim);
  const staying = guests.filter(({ node }) => node !== victim);
  victim?.signal('SIGKILL');
  await cluster.redis.kill();
  await startRedis(cluster.redis.port);
  // The dead one has what was left of its lease, of which no time passes while Redis is away.
  await within(sweptWithinMs, () => expectSwept(gone, staying));
  await expectOneView(staying);
  for (const { socket } of staying) expect(socket.ws.readyState).toBe(socket.ws.OPEN);
}, 60_000);

test('a node is frozen for 20 s and woken: its sockets close with 1012, and nothing old comes back', async () => {
  const cluster = await startCluster();
  const [frozen = never(), second = never()] = cluster.nodes;
  const rooms = Array.from({ length: 6 }, (_, room) => [room % 3, (room + 1) % 3, (room + 2) % 3, 0]);
  const guests = await seat(cluster, rooms);
  const gone = guests.filter(({ node }) => node === frozen);
  const staying = guests.filter(({ node }) => node !== frozen);

  frozen.signal('SIGSTOP');
  const wakesAt = performance.now() + 20_000;
  // They do not know, and talk on: it will find all this when it wakes.
  for (const { socket } of gone) {
    socket.send({ type: 'presence.update', id: 'old', payload: { handRaised: true } });
    socket.send({ type: 'chat.send', id: 'old-chat', payload: { text: 'from the past' } });
  }
  await within(sweptWithinMs, () => expectSwept(gone, staying));
  await expectOneView(staying);
  const before = new Map(staying.map((guest) => [guest, heard(guest)]));
  await new Promise((wake) => setTimeout(wake, wakesAt - performance.now()));
  frozen.signal('SIGCONT');

  for (const guest of gone) expect(await closeOf(guest, 5000)).toBe(1012);
  // It is there again, as another: who comes to it is in the one view.
  await within(5000, async () => expect((await fetch(`${frozen.url}/readyz`)).status).toBe(200));
  const back = await enter(frozen, 'room-0', 'back');
  const inside = [...staying, back];
  await within(1000, () => {
    for (const guest of roommates(staying, back)) expect(joined(guest)).toContain(back.clientId);
  });
  await expectOneView(inside);
  await expectTalk(back, roommates(staying, back)[0] ?? never(), 'I am back');
  for (const node of cluster.nodes) {
    expect(await listed(node)).toEqual(inside.map(({ clientId }) => clientId).toSorted());
  }
  // Of those before nobody heard anything more.
  const old = new Set(gone.map(({ clientId }) => clientId));
  for (const guest of staying) {
    const later = guest.socket.frames.slice(before.get(guest));
    expect(later.filter((frame) => [...old].some((id) => JSON.stringify(frame).includes(id)))).toEqual([]);
  }
  const late = await enter(second, 'room-1', 'late');
  const { payload } = await late.socket.ask('chat.history');
  expect(JSON.stringify(payload)).not.toContain('from the past');
}, 90_000);

test('a node is told to stop: its sockets close with 1012, and it leaves nothing to be swept', async () => {
  const cluster = await startCluster();
  const [leaving = never()] = cluster.nodes;
  const guests = await seat(cluster, [
    [0, 1, 2],
    [1, 0, 2],
  ]);
  const gone = guests.filter(({ node }) => node === leaving);
  const staying = guests.filter(({ node }) => node !== leaving);
  leaving.signal('SIGTERM');
  for (const guest of gone) expect(await closeOf(guest, 5000)).toBe(1012);
  expect((await leaving.process.finished).code).toBe(0);
  await within(1000, () => expectSwept(gone, staying));
  await expectOneView(staying);
}, 30_000);

function never(): never {
  throw new Error('there are three nodes');
}
