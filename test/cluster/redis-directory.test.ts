import { beforeAll, describe, expect, test } from 'vitest';
import type { Redis } from '../../src/cluster/redis.ts';
import { newClientId } from '../../src/rooms/connection.ts';
import { remoteConnection } from '../../src/rooms/remote-connection.ts';
import { connectTo, counting, patientMs, startClusterServer, startRedis } from '../support/redis.ts';
import { everything, room, startLister, startListers } from './directory-rig.ts';

const patiently = { timeout: 10_000, interval: 10 };
let redis: Redis & { calls: number };

const start = (count: number) => startListers(redis, count);

beforeAll(async () => {
  redis = counting(await connectTo(await startRedis(), patientMs));
});

test('each node lists the connections of all, in the order in which they came', async () => {
  const { a, b, c } = await start(3);
  const came: string[] = [];
  for (let n = 0; n < 9; n += 1) came.push(await ([a, b, c][n % 3] ?? a).put());
  for (const { list } of [a, b, c]) {
    const { ids: listed, next, isComplete } = await list();
    expect(listed.toSorted()).toEqual(came.toSorted());
    expect([next, isComplete]).toEqual([undefined, true]);
  }
  const { ids: order } = await a.list();
  for (const { list } of [b, c]) expect((await list()).ids).toEqual(order);
});

test('what is said of one is what was said last, also by another node that took it out', async () => {
  const { a, b } = await start(2);
  const record = a.member('someone');
  await a.directory.put(room, record, false);
  await a.directory.put(
    room,
    { ...record, presenterName: 'Renamed', connectionStatus: 'disconnected' },
    true,
  );
  const listed = {
    ...{ id: record.clientId, clientId: record.clientId, userId: 'someone', presenterName: 'Renamed' },
    ...{ roomId: 'r', channel: 'zoom', isHost: true, joinedAt: record.joinedAt },
    connectionStatus: 'disconnected',
  };
  for (const { directory } of [a, b]) expect(await directory.find(record.clientId)).toStrictEqual(listed);
  await b.directory.remove([record.clientId]);
  expect(await b.directory.find(record.clientId)).toBeUndefined();
  // Its own node says so as soon as it has gone there.
  const gone = { ...remoteConnection(room, record), node: undefined };
  a.directory.heed({ type: 'connection.left', connection: gone, reason: 'kicked' });
  expect((await a.list()).ids).toEqual([]);
  await a.put();
  expect(await redis.command('HLEN', a.key)).toBe(1);
});

test('nobody is found who is nowhere', async () => {
  const { a, b } = await start(2);
  for (const clientId of ['', 'client_', newClientId(''), newClientId('nonode00'), newClientId(a.lease.id)]) {
    expect(await a.directory.find(clientId)).toBeUndefined();
    expect(await b.directory.find(clientId)).toBeUndefined();
  }
  await a.directory.remove([newClientId(''), newClientId('nonode00')]);
});

test('pages follow each other over all nodes, and what is asked for is counted', async () => {
  const { a, b } = await start(2);
  for (let n = 0; n < 40; n += 1) {
    await (n % 2 ? a : b).put({ roomId: `r${n % 5}`, channel: n % 4 ? 'zoom' : 'chat' }, `u${n % 8}`);
  }
  for (const asked of [
    {},
    { roomId: 'r3' },
    { userId: 'u2' },
    { channel: 'chat' },
    { status: 'connected' },
  ] as const) {
    const whole = (await a.list(asked)).ids;
    expect(whole.length).toBeGreaterThan(4);
    const paged: string[] = [];
    for (let after: number | undefined = 0; after !== undefined; ) {
      const { ids: some, next } = await (paged.length % 2 ? a : b).list({ ...asked, after, limit: 3 });
      paged.push(...some);
      after = next;
    }
    expect(paged).toEqual(whole);
  }
  expect((await a.list({ status: 'disconnected' })).ids).toEqual([]);
  const { rooms, isComplete } = await a.directory.rooms();
  expect(isComplete).toBe(true);
  expect([...rooms].toSorted((one, other) => one.roomId.localeCompare(other.roomId))).toEqual(
    Array.from({ length: 5 }, (_, n) => ({ roomId: `r${n}`, counts: { zoom: 6, screenshare: 0, chat: 2 } })),
  );
});

test('pages leave out nobody, also of those who came to several nodes at the same moment', async () => {
  const { a, b, c } = await start(3);
  const all: string[] = [];
  for (const [n, serial] of [7, 7, 7, 8, 9, 9, 9, 9].entries()) {
    const lister = n % 2 ? a : b;
    const clientId = await lister.put();
    const listed = JSON.parse(String(await redis.command('HGET', lister.key, clientId)));
    await redis.command('HSET', lister.key, clientId, JSON.stringify({ ...listed, serial }));
    all.push(clientId);
  }
  for (const limit of [1, 2, 3, 5]) {
    const paged: string[] = [];
    let end: { after: number; afterId?: string } | undefined = { after: 0 };
    while (end !== undefined) {
      const { ids, next, nextId }: Awaited<ReturnType<typeof c.list>> = await c.list({ ...end, limit });
      expect(ids.length).toBeLessThanOrEqual(limit);
      paged.push(...ids);
      end =
        next === undefined ? undefined : { after: next, ...(nextId !== undefined && { afterId: nextId }) };
    }
    expect(paged).toHaveLength(all.length);
    expect(paged.toSorted()).toEqual(all.toSorted());
  }
});

test('many who come at once are written together, and thousands are listed whole', {
  timeout: 60_000,
}, async () => {
  const { a, b } = await start(2);
  await a.put();
  redis.calls = 0;
  await Promise.all(Array.from({ length: 200 }, () => a.put()));
  expect(redis.calls).toBeLessThanOrEqual(2);
  await Promise.all(Array.from({ length: 4_799 }, (_, n) => a.put({ ...room, roomId: `r${n}` })));
  const { ids: listed, isComplete } = await b.list();
  expect([new Set(listed).size, listed.length, isComplete]).toEqual([5_000, 5_000, true]);
  expect(listed).toEqual((await a.list()).ids);
  expect(await b.directory.placesOf(a.lease.id)).toHaveLength(4_800);
  await a.directory.remove(listed);
  expect(await redis.command('EXISTS', a.key)).toBe(0);
});

describe('a list that cannot be whole says so', () => {
  test('where the connections of one node cannot be read', async () => {
    const { a, b, c } = await start(3);
    const [ofA, ofB] = [await a.put(), await b.put()];
    await c.put();
    a.line.refused = c.key;
    const { ids, isComplete } = await a.list();
    expect([ids.toSorted(), isComplete]).toEqual([[ofA, ofB].toSorted(), false]); // they came at once
    expect((await a.directory.rooms()).isComplete).toBe(false);
    a.line.refused = '';
    expect((await a.list()).isComplete).toBe(true);
  });

  test('where Redis was emptied, until each node has written what it holds; one that has left is not waited for', async () => {
    const { prefix, a, b, c } = await start(3);
    const [ofA, ofB] = [await a.put(), await b.put()];
    const nodes = `${prefix}{.nodes}:`;
    for (const key of [a.key, b.key, `${nodes}leases`, `${nodes}listed`]) await redis.command('DEL', key);
    const listed = async () => ((await a.list()).isComplete ? 'all' : 'some');
    expect(await listed()).toBe('some'); // nobody has come back
    await redis.command('HSET', `${nodes}epoch`, 'id', 'second');
    for (const { lease } of [a, b, c]) {
      lease.epoch = 'second';
      await redis.command('ZADD', `${nodes}leases`, lease.until, lease.id);
    }
    a.directory.restore();
    c.directory.restore();
    b.line.isCut = true;
    b.directory.restore();
    await expect.poll(() => redis.command('HLEN', `${nodes}listed`), patiently).toBe(2);
    expect(await listed()).toBe('some');
    b.line.isCut = false;
    await expect.poll(listed, patiently).toBe('all');
    expect((await a.list()).ids.toSorted()).toEqual([ofA, ofB].toSorted());
    await redis.command('ZREM', `${nodes}leases`, c.lease.id);
    expect(await listed()).toBe('all');
  });

  test('where Redis is gone, and lists who is here all the same', async () => {
    const { a, b } = await start(2);
    const [ofA, ofB] = [await a.put(), await b.put()];
    a.line.isCut = true;
    expect(await a.list()).toEqual({ ids: [ofA], next: undefined, isComplete: false });
    expect(await a.directory.find(ofA)).toMatchObject({ clientId: ofA });
    await expect(a.directory.find(ofB)).rejects.toMatchObject({ code: 'degraded' });
    await expect(a.directory.placesOf(b.lease.id)).rejects.toMatchObject({ code: 'degraded' });
    expect([...(await a.directory.rooms()).rooms]).toHaveLength(1);
  });
});

test('what could not be written is written later, and what has changed meanwhile as it is then', async () => {
  const { a, b } = await start(2);
  const [stays, goes] = [await a.put(), await a.put()];
  a.line.isCut = true;
  await expect(a.put()).rejects.toMatchObject({ code: 'degraded' });
  await expect(a.directory.remove([goes])).rejects.toMatchObject({ code: 'degraded' });
  const { ids: here } = await a.list();
  expect(here).toHaveLength(2);
  expect(here).toContain(stays);
  a.line.isCut = false;
  await expect.poll(async () => (await b.list()).ids, patiently).toEqual(here);
});

test('after Redis was emptied each node writes its own anew', async () => {
  const { prefix, a, b } = await start(2);
  for (const { put } of [a, b, a]) await put();
  const before = await a.list();
  for (const { key } of [a, b]) await redis.command('DEL', key);
  for (const { directory } of [a, b]) directory.restore();
  await expect.poll(() => a.list(), patiently).toEqual(before);
  await expect.poll(() => b.list(), patiently).toEqual(before);
  expect(prefix).not.toBe('');
});

test('a node that lost its lease lists nobody, and writes nothing; others forget what it had', async () => {
  const { a, b } = await start(2);
  await Promise.all([a.put(), a.put({ ...room, channel: 'chat' }), a.put()]);
  const old = a.lease.id;
  a.lease.until = 0;
  await expect(a.put()).rejects.toMatchObject({ code: 'degraded' }); // fenced
  a.lease.id = 'reborn01';
  a.directory.lose();
  expect((await a.directory.page(everything)).connections.toArray()).toHaveLength(3); // of the dead node, until it is swept
  expect(await b.directory.placesOf(old)).toEqual(
    expect.arrayContaining([room, { roomId: 'r', channel: 'chat' }]),
  );
  expect(await b.directory.placesOf(old)).toHaveLength(2);
  await b.directory.forget(old);
  expect((await b.list()).ids).toEqual([]);
  a.lease.until = Date.now() + 3_600_000;
  await a.put();
  expect(await redis.command('EXISTS', a.key)).toBe(0);
});

test('on a Redis Cluster each node lies in a slot of its own', async () => {
  const on = await connectTo(await startClusterServer(), patientMs);
  const [a, b] = [await startLister(on, 'p:'), await startLister(on, 'p:')];
  const came = [await a.put(), await b.put()];
  expect((await b.list()).ids.toSorted()).toEqual(came.toSorted());
  await b.directory.remove(came);
  expect((await b.list()).ids).toEqual([]);
});
