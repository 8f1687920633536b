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

describe('a node that does not hear of changes', () => {
  test('loads the room when it hears of one that cannot be the next, and tells its clients what they missed', async () => {
    const { nodes, a, b, ofA, ofB } = await start(2);
    b.isDeaf = true;
    const missed = await a.join('missed', room);
    const flitted = await a.join('flitted', room);
    await a.domain.membership.leave(flitted.connection, 'left');
    await a.store.transaction(room, update({ locked: true, admission: 'approval' }), ofA.clientId);
    const { connection } = ofA;
    connection.identity = { ...connection.identity, presenterName: 'renamed' };
    connection.handRaised = true;
    a.store.update(connection);
    const before = ofB.told.length;
    b.isDeaf = false;
    const late = await a.join('late', room, { host: true });
    await untilAgreed(nodes);
    const told = ofB.told.slice(before);
    const joined = told.flatMap(([type, said]) =>
      type === 'presence.joined' ? (said as { participants: unknown[] }).participants : [],
    );
    expect(joined).toMatchObject([
      { clientId: ofA.clientId, presenterName: 'renamed', handRaised: true },
      { clientId: missed.clientId },
      { clientId: late.clientId },
    ]);
    expect(told).toContainEqual([
      'room.updated',
      { room: expect.objectContaining({ locked: true, admission: 'approval' }) },
    ]);
    expect(b.domain.registry.get(flitted.clientId)).toBeUndefined();
  });

  test('has its own changes carried out all the same', async () => {
    const { nodes, a, b, ofA } = await start(2);
    b.isDeaf = true;
    const newcomer = await b.join('newcomer', room);
    expect(newcomer.of('session.welcome')).toMatchObject([{ rosterTotal: 3 }]);
    await b.domain.membership.leave(newcomer.connection, 'left');
    expect(b.domain.registry.get(newcomer.clientId)).toBeUndefined();
    await a.domain.membership.leave(ofA.connection, 'left');
    await b.store.transaction(room, update({ locked: true }));
    b.isDeaf = false;
    const back = await a.join('back', room, { host: true });
    await untilAgreed(nodes);
    expect(b.store.get(room)).toMatchObject({ locked: true, hosts: [expect.anything(), back.clientId] });
  });

  test('takes out who was put out meanwhile', async () => {
    const { nodes, a, b, ofB } = await start(2);
    b.isDeaf = true;
    const seenByA = a.domain.registry.get(ofB.clientId);
    if (seenByA === undefined) throw new Error('not there');
    await a.domain.membership.leave(seenByA, 'kicked');
    b.isDeaf = false;
    await b.store.reload();
    expect(ofB.of('closed')).toHaveLength(1);
    expect(b.domain.registry.get(ofB.clientId)).toBeUndefined();
    await expect.poll(() => [b.heard, b.store.size], patiently).toEqual([0, 0]);
    expect(nodes[0]?.domain.views.count(room)).toBe(1);
  });
});

test('who has gone from a node does not come back to it, though Redis is still to be told', async () => {
  const { nodes, a, b, ofA, ofB } = await start(2);
  const second = await a.join('second', room);
  await untilAgreed(nodes);
  a.isDeaf = true;
  await b.join('missed', room);
  a.isDeaf = false;
  a.line = 'cut';
  const before = ofA.told.length;
  await a.domain.membership.leave(second.connection, 'left');
  a.line = 'whole';
  const late = await b.join('late', room); // which tells that something was missed, and the room is loaded
  await expect.poll(() => a.domain.registry.get(late.clientId), patiently).toBeDefined();
  await expect.poll(() => a.store.owed, patiently).toBe(0);
  await untilAgreed(nodes);
  const told = ofA.told.slice(before).filter(([, said]) => JSON.stringify(said).includes(second.clientId));
  expect(told.map(([type]) => type)).toEqual(['presence.left']);
  expect(departures(ofB)).toEqual([{ clientId: second.clientId, reason: 'left' }]);
});

test('a room is over when all have gone from it, though Redis is told later', async () => {
  const { a } = await start(1);
  const other = { ...room, roomId: 'other' };
  const guests = [];
  for (const userId of ['x', 'y', 'z']) guests.push(await a.join(userId, other));
  a.line = 'cut';
  for (const { connection } of guests) await a.domain.membership.leave(connection, 'left');
  a.line = 'whole';
  await expect.poll(keys, patiently).not.toContainEqual(expect.stringContaining('other'));
  expect(a.store.owed).toBe(0);
});

test('who was put out meanwhile neither shares a screen nor is host by a new token', async () => {
  const { a, b, ofB } = await start(2);
  for (const deed of [
    ({ connection }: Guest) =>
      b.domain.moderation.startShare(connection, {
        shareId: 's',
        clientId: connection.clientId,
      }),
    ({ connection }: Guest) =>
      b.domain.membership.refresh(connection, { ...connection.identity, host: true }),
  ]) {
    const guest = await b.join('guest', room);
    await untilAgreed([a, b]);
    b.isDeaf = true;
    const seenByA = a.domain.registry.get(guest.clientId);
    if (seenByA === undefined) throw new Error('not there');
    await a.domain.membership.leave(seenByA, 'kicked');
    await Promise.allSettled([deed(guest)]);
    b.isDeaf = false;
    expect(b.domain.registry.get(guest.clientId)).toBeUndefined();
    await untilAgreed([a, b]);
    expect(a.store.get(room)).toMatchObject({ shares: [], hosts: [expect.anything()] });
  }
  expect(ofB.of('screen.started')).toEqual([]);
});

describe('a commit whose answer is lost', () => {
  test('is done where its event is heard', async () => {
    const { nodes, a, ofB } = await start(2);
    a.line = 'late';
    const guest = await a.join('guest', room);
    a.line = 'whole';
    await untilAgreed(nodes);
    expect(guest.of('session.welcome')).toHaveLength(1);
    expect(presence(ofB)).toHaveLength(1);
    expect(a.store.owed).toBe(0);
  });

  test('leaves nobody who was told that it did not come', async () => {
    const { a, b, ofA, ofB } = await start(2);
    const elsewhere = { ...room, roomId: 'elsewhere' };
    a.isDeaf = true;
    a.line = 'late';
    for (const place of [room, elsewhere]) {
      await expect(a.join('ghost', place)).rejects.toMatchObject({ code: 'degraded' });
    }
    a.line = 'whole';
    await expect.poll(() => departures(ofB), patiently).toHaveLength(1);
    await expect.poll(() => a.store.owed, patiently).toBe(0);
    await expect.poll(keys, patiently).not.toContainEqual(expect.stringContaining('elsewhere'));
    a.isDeaf = false;
    await a.store.reload();
    expect(a.domain.views.everybody(room)).toEqual([
      ofA.connection,
      expect.objectContaining({ clientId: ofB.clientId }),
    ]);
    for (const { directory } of [a, b]) {
      const listed = async () => (await directory.page({ after: 0, limit: 9 })).connections.toArray();
      await expect.poll(listed, patiently).toHaveLength(2);
    }
  });

  test('leaves nobody who waits either', async () => {
    const { a, b, ofA } = await start(2);
    await a.store.transaction(room, update({ admission: 'approval' }));
    await expect.poll(() => b.store.get(room)?.admission, patiently).toBe('approval');
    b.isDeaf = true;
    b.line = 'late';
    await expect(b.join('ghost', room)).rejects.toMatchObject({ code: 'degraded' });
    b.line = 'whole';
    await expect.poll(() => ofA.of('waiting.left'), patiently).toHaveLength(1);
    expect(a.domain.registry.waiting(room).size).toBe(0);
  });

  test('lets a departure be said once', async () => {
    const { a, b, ofA, ofB } = await start(2);
    a.line = 'late';
    await a.domain.membership.leave(ofA.connection, 'left');
    expect(a.domain.registry.get(ofA.clientId)).toBeUndefined();
    a.line = 'whole';
    await expect.poll(() => a.store.owed, patiently).toBe(0);
    await expect.poll(() => b.store.get(room)?.hosts, patiently).toEqual([ofB.clientId]);
    expect(departures(ofB)).toEqual([{ clientId: ofA.clientId, reason: 'left' }]);
  });
});
