import { beforeAll, describe, expect, test } from 'vitest';
import { update } from '../../src/rooms/room.ts';
import { connectTo, patientMs, type RedisServer, startRedis } from '../support/redis.ts';
import { patiently, type RoomNode, room, startRoomNodes, untilAgreed } from './room-store-rig.ts';

let server: RedisServer;
let prefix = '';
let prefixes = 0;

beforeAll(async () => {
  server = await startRedis();
});

/** Nodes on a piece of Redis that is theirs alone, each with one client in the room: the first one is host. */
async function start(count: number) {
  prefix = `test ${++prefixes}:`;
  const nodes = await startRoomNodes([server.url], count, prefix);
  const guests = [];
  for (const [n, node] of nodes.entries()) guests.push(await node.join(`u${n}`, room));
  await untilAgreed(nodes);
  const [a, b, c] = nodes as [RoomNode, RoomNode, RoomNode];
  const [ofA, ofB, ofC] = guests as [Guest, Guest, Guest];
  return { nodes, a, b, c, ofA, ofB, ofC };
}
type Guest = Awaited<ReturnType<RoomNode['join']>>;

/** What Redis holds of the nodes of a test. */
async function keys(): Promise<string[]> {
  const redis = await connectTo(server, patientMs);
  return ((await redis.command('KEYS', `${prefix}*`)) as string[])
    .filter((key) => !key.includes('{.nodes}'))
    .sort();
}

/** Who came and went, as a client was told of it. */
const presence = ({ told }: Guest) => told.filter(([type]) => type.startsWith('presence.'));
const departures = ({ of }: Guest) =>
  (of('presence.left') as { departures: { clientId: string; reason: string }[] }[]).flatMap(
    (said) => said.departures,
  );

test('what is written under a lease that is over is refused, and nothing is written', async () => {
  const { a, ofA } = await start(1);
  const before = await keys();
  a.lease.until = Date.now() - 1;
  await expect(a.join('late', room)).rejects.toMatchObject({ code: 'degraded' });
  await expect(a.join('late', { ...room, roomId: 'new' })).rejects.toMatchObject({ code: 'degraded' });
  await expect(a.store.transaction(room, update({ locked: true }))).rejects.toMatchObject({
    code: 'degraded',
  });
  expect(await keys()).toEqual(before);
  expect(a.store.get(room)?.locked).toBe(false);
  expect(presence(ofA)).toEqual([]);
  a.lease.until = Date.now() + 3_600_000;
  await expect.poll(() => a.store.owed, patiently).toBe(0);
  expect(a.domain.views.count(room)).toBe(1);
});

test('with Redis gone, who goes has gone here at once and elsewhere later, and all else is refused', async () => {
  const { nodes, a, b, ofA, ofB } = await start(2);
  const second = await a.join('second', room);
  const third = await a.join('third', room);
  await untilAgreed(nodes);
  const before = presence(ofB).length;
  a.line = 'cut';
  await a.domain.membership.leave(second.connection, 'left');
  expect(departures(ofA)).toEqual([{ clientId: second.clientId, reason: 'left' }]);
  await a.domain.membership.leave(ofA.connection, 'left');
  expect(departures(third)).toHaveLength(2);
  await expect(a.join('more', room)).rejects.toMatchObject({ code: 'degraded' });
  await expect(a.store.transaction(room, update({ locked: true }))).rejects.toMatchObject({
    code: 'degraded',
  });
  await expect(a.store.hold([{ ...room, roomId: 'other' }], () => {})).rejects.toMatchObject({
    code: 'degraded',
  });
  third.connection.handRaised = true;
  a.store.update(third.connection);
  expect(presence(ofB)).toHaveLength(before);
  a.line = 'whole';
  await untilAgreed(nodes);
  await expect.poll(() => b.domain.registry.get(third.clientId)?.handRaised, patiently).toBe(true);
  await expect.poll(() => a.store.owed, patiently).toBe(0);
  expect(departures(ofB).toSorted((x, y) => x.clientId.localeCompare(y.clientId))).toEqual(
    [ofA, second]
      .map(({ clientId }) => ({ clientId, reason: 'left' }))
      .toSorted((x, y) => x.clientId.localeCompare(y.clientId)),
  );
  expect(b.store.get(room)?.hosts).toEqual([ofB.clientId]);
  expect(third.of('host.changed')).toEqual([{ hosts: [ofB.clientId], reason: 'elected' }]);
});

describe('Redis is emptied', () => {
  test.each([
    ['three nodes', true],
    ['three nodes, which do not know of each other yet,', false],
  ])('%s write back what they hold, and no client hears of it', async (_who, isSettled) => {
    const { nodes, a, b, c, ofA, ofB, ofC } = await start(3);
    for (const { lease } of nodes) {
      lease.settled = isSettled;
      if (!isSettled) lease.live = new Set([lease.id]);
    }
    const view = JSON.stringify(a.view());
    const told = [ofA, ofB, ofC].map((guest) => guest.told.length);
    await a.redis.command('FLUSHALL', 'ASYNC');
    // One after the other, as their leases tell them.
    for (const node of [b, c, a]) await node.store.restore();
    await expect
      .poll(() => nodes.map((node) => JSON.stringify(node.view())), patiently)
      .toEqual([view, view, view]);
    const late = await c.join('late', room);
    await untilAgreed(nodes);
    expect(late.connection.order).toBe(4);
    expect([ofA, ofB, ofC].map((guest) => guest.told.length)).toEqual(told.map((count) => count + 1));
    for (const guest of [ofA, ofB, ofC])
      expect(presence(guest).at(-1)).toMatchObject([
        'presence.joined',
        { participants: [{ clientId: late.clientId }] },
      ]);
  });

  test('who goes before it is written back does not come back', async () => {
    const { nodes, a, b, ofA, ofB } = await start(2);
    await a.redis.command('FLUSHALL', 'ASYNC');
    await a.domain.membership.leave(ofA.connection, 'left');
    expect(a.domain.registry.get(ofA.clientId)).toBeUndefined();
    for (const node of nodes) await node.store.restore();
    await expect
      .poll(() => b.view(), patiently)
      .toMatchObject({ state: { hosts: [ofB.clientId] }, roll: [{ clientId: ofB.clientId }] });
    expect(departures(ofB)).toEqual([{ clientId: ofA.clientId, reason: expect.anything() }]);
  });
});

test('a node that lost its lease closes its connections, and writes nothing more', async () => {
  const { a, b, ofA, ofB } = await start(2);
  const [old, before] = [a.lease.id, await keys()];
  a.lease.until = 0;
  a.lease.id = 'reborn00';
  a.store.lose();
  expect(ofA.of('closed')).toEqual(['restarting']);
  expect([a.store.size, a.heard, a.store.owed, a.domain.registry.places()]).toEqual([0, 0, 0, []]);
  await expect(a.join('early', room)).rejects.toMatchObject({ code: 'degraded' });
  expect(await keys()).toEqual(before);
  expect(presence(ofB)).toEqual([]);
  await b.store.sweep(room, old);
  expect(departures(ofB)).toEqual([{ clientId: ofA.clientId, reason: 'disconnected' }]);
  expect(b.store.get(room)?.hosts).toEqual([ofB.clientId]);
  a.lease.until = Date.now() + 3_600_000;
  b.lease.live.add('reborn00');
  await a.join('again', room);
  await untilAgreed([a, b]);
});

test('a client of a node that has just come is not taken for a ghost', async () => {
  const { a, b, ofB } = await start(2);
  const place = { ...room, roomId: 'other' };
  a.lease.live = new Set([a.lease.id]); // it has not heard of the other one yet
  const guest = await b.join('guest', place);
  await a.join('own', place);
  await a.store.reload();
  a.lease.live.add(b.lease.id);
  a.lease.until += 3_000;
  await expect.poll(() => a.domain.views.count(place), patiently).toBe(2);
  expect(presence(ofB)).toEqual([]);
  expect(departures(guest)).toEqual([]);
});

test('who is on a node that is no more is taken out, also where that node’s list did not name it', async () => {
  const { a, b, ofA, ofB } = await start(2);
  a.lease.live.delete(b.lease.id);
  await a.store.reload();
  a.lease.until += 3_000;
  await expect
    .poll(() => departures(ofA), patiently)
    .toEqual([{ clientId: ofB.clientId, reason: 'disconnected' }]);
});

test('of those who were on a dead node none is host in between', async () => {
  const { a, b, ofB } = await start(2);
  for (let n = 0; n < 5; n += 1) await a.join(`second ${n}`, room);
  const last = await b.join('last', room);
  await untilAgreed([a, b]);
  a.isDeaf = true;
  await b.domain.membership.leave(ofB.connection, 'left');
  await b.store.sweep(room, a.lease.id);
  expect(b.store.get(room)?.hosts).toEqual([last.clientId]);
  expect(last.of('host.changed')).toEqual([{ hosts: [last.clientId], reason: 'elected' }]);
  expect(departures(last)).toHaveLength(7);
});

test('events of rooms that nobody here knows are nothing to a node', async () => {
  const { a } = await start(1);
  const event = { version: '1', origin: 'x', kind: 'event', words: ['x', '1', '1'], body: '{}' };
  a.store.event({ ...room, roomId: 'unknown' }, event);
  expect(a.store.size).toBe(1);
});
