import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Place } from '../../src/rooms/connection.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { type RoomNode, startRoomNodes, untilAgreed } from './room-store-rig.ts';

/** As many as a node may lose in one moment, spread over rooms: what each is told of all others is not the point. */
const roomCount = 40;
const perRoom = 50;
/** Commands of one kind go so many at a time; others, such as lists, are few. */
const bound = 60;
const patiently = { timeout: 60_000, interval: 20 };
/** For so many clients, on a busy machine. */
const limitMs = 120_000;

let server: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  server = await startRedis();
});

type Guest = Awaited<ReturnType<RoomNode['join']>>;

const places: Place[] = Array.from({ length: roomCount }, (_, n) => ({ roomId: `r${n}`, channel: 'zoom' }));

describe('thousands of clients of one node, of whom others on another node hear', () => {
  let a: RoomNode;
  let b: RoomNode;
  let guests: Guest[];
  let watchers: Guest[];

  beforeEach(async () => {
    [a, b] = (await startRoomNodes([server.url], 2, `test ${++prefixes}:`)) as [RoomNode, RoomNode];
    watchers = await Promise.all(places.map((place) => b.join('watcher', place)));
    guests = [];
    for (let n = 0; n < perRoom; n += 1) {
      guests.push(...(await Promise.all(places.map((place) => a.join(`u${n}`, place)))));
    }
    for (const place of places) await untilAgreed([a, b], place);
    Object.assign(a, { calls: 0, mostUnderWay: 0 });
  }, limitMs);

  const leave = () =>
    Promise.all(guests.map(({ connection }) => a.domain.membership.leave(connection, 'disconnected')));
  const departures = () =>
    watchers.flatMap(({ of }) =>
      (of('presence.left') as { departures: { clientId: string }[] }[]).flatMap((told) =>
        told.departures.map(({ clientId }) => clientId),
      ),
    );
  /** Each has gone, and was told of once. */
  const expectGone = async () => {
    await expect.poll(() => departures().length, patiently).toBeGreaterThanOrEqual(guests.length);
    expect(departures().toSorted()).toEqual(guests.map(({ clientId }) => clientId).toSorted());
    await expect.poll(() => a.store.size, patiently).toBe(0);
  };

  test(
    'all go at once: Redis is asked some at a time, and each is said once',
    async () => {
      await leave();
      expect([a.store.owed, a.mostUnderWay]).toEqual([0, expect.toSatisfy((most) => most <= bound)]);
      await expectGone();
      const { connections } = await b.directory.page({ after: 0, limit: 10_000 });
      expect(Array.from(connections)).toHaveLength(watchers.length);
    },
    limitMs,
  );

  test(
    'all change at once, and again: each is said as it is at last, once',
    async () => {
      for (const handRaised of [true, false, true]) {
        for (const { connection } of guests) {
          connection.handRaised = handRaised;
          a.store.update(connection);
        }
      }
      const raised = () =>
        guests.filter(({ clientId }) => b.domain.registry.get(clientId)?.handRaised).length;
      await expect.poll(raised, patiently).toBe(guests.length);
      expect(a.mostUnderWay).toBeLessThanOrEqual(bound);
      expect(a.calls).toBeLessThan(guests.length * 1.1);
      expect(a.store.owed).toBe(0);
    },
    limitMs,
  );

  test(
    'all go while Redis is out of reach: they have gone here at once, and elsewhere later',
    async () => {
      a.line = 'cut';
      for (const { connection } of guests) a.store.update(connection);
      await leave();
      expect(guests.filter(({ clientId }) => a.domain.registry.get(clientId))).toEqual([]);
      expect(a.store.owed).toBeGreaterThanOrEqual(guests.length);
      a.line = 'whole';
      await expectGone();
      await expect.poll(() => a.store.owed, patiently).toBe(0);
      expect(a.mostUnderWay).toBeLessThanOrEqual(2 * bound); // their rooms are loaded, too
    },
    limitMs,
  );
});
