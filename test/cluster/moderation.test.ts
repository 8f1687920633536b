import { beforeAll, expect, test } from 'vitest';
import { update } from '../../src/rooms/room.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { patiently, type RoomNode, room, startRoomNodes, untilAgreed } from './room-store-rig.ts';

let server: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  server = await startRedis();
});

/** Two nodes; of the second one the client was host until just now, as that node has still to hear. */
async function start() {
  const nodes = await startRoomNodes([server.url], 2, `test ${++prefixes}:`);
  const [a, b] = nodes as [RoomNode, RoomNode];
  const host = await a.join('host', room);
  const demoted = await b.join('demoted', room);
  const target = await b.join('target', room);
  await a.store.transaction(room, update({ admission: 'approval' }));
  await untilAgreed(nodes);
  const waiting = await b.join('waiting', room);
  await a.domain.moderation.grantHost(host.connection, demoted.clientId);
  await untilAgreed(nodes);
  expect(b.store.get(room)?.hosts).toEqual([host.clientId, demoted.clientId]);
  b.isDeaf = true;
  await a.domain.moderation.revokeHost(host.connection, demoted.clientId);
  return { a, b, demoted, target, waiting };
}

const refused = { code: 'not_allowed' };

test('a host who is one no more, as another node knows, puts nobody out and bans nobody', async () => {
  for (const banSeconds of [undefined, 60]) {
    const { a, b, demoted, target } = await start();
    const { moderation, exclusion } = b.domain;
    const kicked = Promise.try(() =>
      moderation.kick(demoted.connection, target.clientId, undefined, banSeconds),
    );
    await expect(kicked).rejects.toMatchObject(refused);
    expect(target.of('session.kicked')).toEqual([]);
    expect([a, b].map(({ domain }) => domain.registry.get(target.clientId) !== undefined)).toEqual([
      true,
      true,
    ]);
    await expect.poll(() => exclusion.list(), patiently).toEqual([]);
    expect(b.store.owed).toBe(0);
    const { connections } = await a.directory.page({ after: 0, limit: 9 });
    expect(Array.from(connections, ({ userId }) => userId)).toContain('target');
  }
});

test('nor does it let anybody in, or turn anybody away', async () => {
  for (const decision of ['admit', 'deny'] as const) {
    const { a, b, demoted, waiting } = await start();
    const { moderation } = b.domain;
    const decided = Promise.try(() => moderation.decide(demoted.connection, { clientId: 'all', decision }));
    await expect(decided).rejects.toMatchObject(refused);
    expect(waiting.told.map(([type]) => type)).toEqual(['admission.waiting']);
    expect(a.domain.registry.waiting(room).size).toBe(1);
  }
});
