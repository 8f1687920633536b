import { beforeAll, expect, test } from 'vitest';
import { Admission, type AdmissionParts } from '../../src/rooms/admission.ts';
import { type Connection, nowhere } from '../../src/rooms/connection.ts';
import { LocalConnectionQuota } from '../../src/rooms/local-connection-quota.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { type RoomNode, room, startRoomNodes } from './room-store-rig.ts';

let server: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  server = await startRedis();
});

const capacity = { perUser: 9, perUserAndRoom: 9, perAddress: 9, roomSize: 9 };

/** A client that comes to a node, which says what happens before its room is held. */
async function enter({ domain, store, lease }: RoomNode, { identity }: Connection, before: () => unknown) {
  const rooms: AdmissionParts['rooms'] = {
    hold: async (places, use) => {
      await before();
      return store.hold(places, async () => use());
    },
    isKnown: (place) => store.isKnown(place),
  };
  const { door, exclusion, membership } = domain;
  const quota = new LocalConnectionQuota(capacity);
  const admission = new Admission({
    ...{ rooms, door, exclusion, quota, checkFloods: () => {}, node: () => lease.id, now: Date.now },
  });
  const closed: string[] = [];
  const outlet = { ...nowhere, close: (name: string) => void closed.push(name) };
  const entered = admission.enter(identity, room, '127.0.0.1', (clientId) =>
    membership.join(clientId, identity, room, outlet, '127.0.0.1'),
  );
  return { entered, closed };
}

/** The host of one node bans a user for a minute. */
async function ban({ domain }: RoomNode, host: Connection, clientId: string): Promise<void> {
  await domain.moderation.kick(host, clientId, undefined, 60);
}

async function start() {
  const [a, b] = (await startRoomNodes([server.url], 2, `test ${++prefixes}:`)) as [RoomNode, RoomNode];
  const host = await a.join('host', room);
  const troll = await a.join('troll', room);
  return { a, b, host, troll };
}

test('who is banned after it was checked does not come in by a node that does not know the room', async () => {
  const { a, b, host, troll } = await start();
  const { entered } = await enter(b, troll.connection, () => ban(a, host.connection, troll.clientId));
  await expect(entered).rejects.toMatchObject({ code: 'banned' });
  expect([a, b].map(({ domain }) => domain.registry.ofUser('troll'))).toEqual([[], []]);
});

test('who is banned while it comes in by a node that knows the room is put out', async () => {
  const { a, b, host, troll } = await start();
  await b.join('guest', room);
  let holds = 0;
  const { entered, closed } = await enter(b, troll.connection, async () => {
    holds += 1;
    if (holds === 2) await ban(a, host.connection, troll.clientId);
  });
  await entered.catch(() => {});
  await expect.poll(() => b.domain.registry.ofUser('troll')).toEqual([]);
  expect(closed.length).toBeLessThanOrEqual(1);
});
