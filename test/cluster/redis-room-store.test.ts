import { beforeAll, describe, expect, test } from 'vitest';
import { dissolve, update } from '../../src/rooms/room.ts';
import { roomStoreSuite } from '../rooms/room-store-suite.ts';
import { connectTo, patientMs, type RedisServer, startClusterServer, startRedis } from '../support/redis.ts';
import { patiently, type RoomNode, room, startRoomNodes, untilAgreed } from './room-store-rig.ts';

let server: RedisServer;
let prefixes = 0;
const newPrefix = () => `test ${++prefixes}:`;

beforeAll(async () => {
  server = await startRedis();
});

/** Three nodes, or so many, on a piece of Redis that is theirs alone. */
const start = (count = 3, prefix = newPrefix()) => startRoomNodes([server.url], count, prefix);
/** As many as are there; the compiler does not count them. */
const at = (nodes: readonly RoomNode[], n: number): RoomNode => nodes[n % nodes.length] as RoomNode;

/** What Redis holds of the nodes of a test. */
async function keysOf(prefix: string): Promise<string[]> {
  const redis = await connectTo(server, patientMs);
  return ((await redis.command('KEYS', `${prefix}*`)) as string[])
    .filter((key) => !key.includes('{.nodes}'))
    .sort();
}

roomStoreSuite('RedisRoomStore', async () => {
  const [{ store, lease }] = (await start(1)) as [RoomNode];
  return { store, node: lease.id };
});

describe.each([
  ['one Redis', () => server.url],
  ['a Redis Cluster', async () => (await startClusterServer()).url],
])('on %s', (name, address) => {
  test('two hundred clients of three nodes come into an empty room at once', {
    timeout: 30_000,
  }, async () => {
    const url = await address();
    const nodes = await startRoomNodes(name === 'one Redis' ? [url] : [url, url], 3, newPrefix());
    const joins = Array.from({ length: 200 }, (_, n) => at(nodes, n).join(`u${n}`, room));
    const guests = await Promise.all(joins);
    await untilAgreed(nodes);
    const [{ domain, store }] = nodes as [RoomNode];
    const orders = domain.views.members(room).map(({ order }) => order);
    expect(orders).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
    expect(store.get(room)?.hosts).toEqual([domain.views.members(room)[0]?.clientId]);
    for (const { clientId, of } of guests) {
      const [welcome] = of('session.welcome') as { roster: { clientId: string }[]; rosterTotal: number }[];
      const met = of('presence.joined').flatMap(
        (said) => (said as typeof welcome & { participants: { clientId: string }[] }).participants,
      );
      const known = [...(welcome?.roster ?? []), ...met].map((each) => each.clientId);
      expect(new Set(known)).toEqual(new Set(guests.map((guest) => guest.clientId)));
      expect(known).toHaveLength(200); // nobody twice
      expect(of('session.welcome')).toHaveLength(1);
      expect(known).toContain(clientId);
    }
    await Promise.all(
      guests.map(({ connection }, n) => at(nodes, n).domain.membership.leave(connection, 'left')),
    );
    for (const node of nodes) await expect.poll(() => node.heard, patiently).toBe(0);
  });
});

test('a room that is over leaves nothing behind', async () => {
  const prefix = newPrefix();
  const nodes = await start(3, prefix);
  const guests = await Promise.all(Array.from({ length: 9 }, (_, n) => at(nodes, n).join(`u${n}`, room)));
  await untilAgreed(nodes);
  await Promise.all(
    guests.map(({ connection }, n) => at(nodes, n).domain.membership.leave(connection, 'left')),
  );
  await expect.poll(() => keysOf(prefix), patiently).toEqual([]);
});

test('the host and its heir go at once, from two nodes', async () => {
  const nodes = await start();
  for (let round = 0; round < 20; round += 1) {
    const place = { ...room, roomId: `heirs ${round}` };
    const [host, heir, third] = [
      await at(nodes, 0).join('a', place),
      await at(nodes, 1).join('b', place),
      await at(nodes, 2).join('c', place),
    ];
    await untilAgreed(nodes, place);
    await Promise.all([
      at(nodes, 0).domain.membership.leave(host.connection, 'left'),
      at(nodes, 1).domain.membership.leave(heir.connection, 'left'),
    ]);
    await expect.poll(() => at(nodes, 2).store.get(place)?.hosts, patiently).toEqual([third.clientId]);
    expect(
      third.of('presence.left').flatMap((said) => (said as { departures: unknown[] }).departures),
    ).toHaveLength(2);
    expect(third.of('host.changed').at(-1)).toEqual({ hosts: [third.clientId], reason: 'elected' });
  }
});

test('nobody comes through a lock that is set at the same time', async () => {
  const nodes = await start();
  for (let round = 0; round < 20; round += 1) {
    const place = { ...room, roomId: `lock ${round}` };
    await at(nodes, 0).join('host', place);
    const [locked, ...joined] = await Promise.allSettled([
      at(nodes, 0).store.transaction(place, update({ locked: true })),
      ...Array.from({ length: 6 }, (_, n) => at(nodes, n).join(`u${n}`, place)),
    ]);
    expect(locked.status).toBe('fulfilled');
    const inside = joined.filter(({ status }) => status === 'fulfilled').length;
    for (const each of joined) {
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'room_locked' });
    }
    await expect.poll(() => at(nodes, 0).domain.views.count(place), patiently).toBe(inside + 1);
  }
});

test('the last one goes as another comes: one room or two, and somebody is host', async () => {
  const nodes = await start();
  for (let round = 0; round < 40; round += 1) {
    const place = { ...room, roomId: `last ${round}` };
    const first = await at(nodes, 0).join('first', place);
    const [second] = await Promise.all([
      at(nodes, 1).join('second', place),
      at(nodes, 0).domain.membership.leave(first.connection, 'left'),
    ]);
    await expect
      .poll(() => at(nodes, 1).view(place), patiently)
      .toMatchObject({
        state: { hosts: [second.clientId] },
        roll: [{ clientId: second.clientId }],
      });
  }
});

test('of two who close a room at once one has done it, and each client is told once', async () => {
  const nodes = await start();
  const guests = await Promise.all(Array.from({ length: 9 }, (_, n) => at(nodes, n).join(`u${n}`, room)));
  await untilAgreed(nodes);
  const counts = await Promise.all(
    nodes.map(({ store, domain }) =>
      store.hold([room], () => domain.closing.closeRoom(room.roomId, undefined, { by: 'admin' })),
    ),
  );
  expect(counts.toSorted()).toEqual([0, 0, 9]);
  for (const guest of guests) {
    await expect.poll(() => guest.of('closed'), patiently).toEqual(['room_closed']);
    expect(guest.of('room.closed')).toEqual([{ by: 'admin' }]);
  }
  for (const { store, heard } of nodes) expect([store.get(room), heard]).toEqual([undefined, 0]);
});

test('a rule that changes nothing writes nothing, also where nobody is', async () => {
  const prefix = newPrefix();
  const [node] = await start(1, prefix);
  await node?.store.transaction(room, update({ locked: true }));
  await node?.store.transaction(room, dissolve('room_closed'));
  expect(await keysOf(prefix)).toEqual([]);
});

test('a join costs the same, however many are there', { timeout: 60_000 }, async () => {
  const own = await startRedis();
  const nodes = await startRoomNodes([own.url], 2, 'p:', { presenceBatchMs: 60_000 });
  const observer = await connectTo(own, patientMs);
  /** Calls of each command that two joins need, one from each node. */
  const costOf = async (n: number) => {
    await observer.command('CONFIG', 'RESETSTAT');
    for (const node of nodes) await node.join(`u${n}`, room);
    await untilAgreed(nodes);
    const stats = String(await observer.command('INFO', 'commandstats'));
    const calls = [...stats.matchAll(/cmdstat_([\w|]+):calls=(\d+)/g)].map(([, name, count]) => [
      name,
      count,
    ]);
    return calls.filter(([name]) => !/^(config|info|ping|publish$)/.test(name ?? ''));
  };
  const lengthOf = async () => observer.command('HSTRLEN', 'p:{r}:zoom:room', 'state');
  for (const node of nodes) await node.join('first', room);
  const [few, length] = [await costOf(10), await lengthOf()];
  expect(few).toContainEqual(['evalsha', '4']); // a commit and an entry in the list of its node, each
  for (let n = 0; n < 2_000; n += 50) {
    const batch = Array.from({ length: 50 }, (_, i) => at(nodes, i).join(`v${n + i}`, room));
    await Promise.all(batch);
  }
  expect(await costOf(2_000)).toEqual(few);
  expect(await lengthOf()).toBe(length);
});

test('no more come than there is room for, from all nodes together', async () => {
  const nodes = await startRoomNodes([server.url], 3, newPrefix(), { roomSize: 10 });
  await at(nodes, 0).join('host', room);
  await at(nodes, 0).store.transaction(room, update({ admission: 'approval' }));
  for (const n of [0, 1, 2, 3]) {
    await at(nodes, n).join(`waits ${n}`, room);
    // Who waits is in the order of the time, which says nothing of two in one millisecond.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await at(nodes, 0).store.transaction(room, update({ admission: 'open' }));
  const joins = await Promise.allSettled(
    Array.from({ length: 30 }, (_, n) => at(nodes, n).join(`u${n}`, room)),
  );
  const refused = joins.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []));
  expect(refused).toEqual(Array.from({ length: 25 }, () => 'room_full'));
  await untilAgreed(nodes);
  expect(at(nodes, 1).domain.views.count(room)).toBe(10);
});
