import { expect, test } from 'vitest';
import { Evacuation } from '../../src/rooms/evacuation.ts';
import type { Frame } from '../../src/rooms/frame.ts';
import { behind, openRooms, unreachable } from '../support/domain.ts';

/** A clock that goes on when somebody waits for it, and how often somebody did. */
function fakePace() {
  const state = { nowMs: 5_000, waits: 0 };
  const wait = async (ms: number) => {
    state.nowMs += ms;
    state.waits += 1;
  };
  return { state, pace: { steadyNow: () => state.nowMs, wait } };
}

/** What one of many clients was told, and when. */
interface Told {
  readonly toldAtMs: number;
  readonly reconnectAfterMs: number;
  closedAtMs?: number;
}

/** So many clients in rooms of ten, beside a guest of the room `r`, and an evacuation of them all. */
function crowded(count: number) {
  const { state, pace } = fakePace();
  const rooms = openRooms();
  const { connection } = rooms.join('guest');
  const told = new Map<string, Told>();
  for (let n = 0; n < count; n += 1) {
    const clientId = `client_${n}`;
    const outlet = {
      ...connection.outlet,
      send: ({ text }: Frame) => {
        const { type, payload } = JSON.parse(text);
        expect(type).toBe('session.draining');
        expect(told.has(clientId)).toBe(false);
        told.set(clientId, { toldAtMs: state.nowMs, ...payload });
      },
      close: (name: string) => {
        expect(name).toBe('restarting');
        const one = told.get(clientId);
        if (one) one.closedAtMs ??= state.nowMs;
      },
    };
    const roomId = `room-${Math.floor(n / 10)}`;
    rooms.registry.add({ ...connection, clientId, outlet, roomId, placeKey: `chat/${roomId}` });
  }
  const evacuation = new Evacuation({ ...rooms, pace });
  return { ...rooms, evacuation, told, state, connection };
}

test('10,000 clients: each is told when it goes and goes then, some at a time, over ten seconds', async () => {
  const { evacuation, told, state } = crowded(10_000);
  await evacuation.sendAway();
  expect(told.size).toBe(10_000);
  const perMoment = new Map<number, number>();
  for (const { toldAtMs, reconnectAfterMs, closedAtMs = 0 } of told.values()) {
    expect(toldAtMs + reconnectAfterMs).toBe(closedAtMs);
    expect(reconnectAfterMs).toBeLessThanOrEqual(10_000);
    perMoment.set(closedAtMs, (perMoment.get(closedAtMs) ?? 0) + 1);
  }
  expect(Math.max(...perMoment.values())).toBeLessThanOrEqual(21);
  expect(state.nowMs - 5_000).toBeGreaterThan(9_000);
  expect(state.nowMs - 5_000).toBeLessThanOrEqual(10_000);
  // The event loop had its turn while they were told, too.
  expect(state.waits).toBeGreaterThan(perMoment.size + 30);
});

test.each([
  [20, 0],
  [200, 200],
  [20_000, 10_000],
])('%i clients are sent away within %i ms', async (count, withinMs) => {
  const { evacuation, told, state } = crowded(count - 1);
  await evacuation.sendAway();
  expect([...told.values()].every(({ closedAtMs }) => closedAtMs !== undefined)).toBe(true);
  expect(state.nowMs - 5_000).toBeLessThanOrEqual(withinMs);
});

test('who has gone by then is no matter', async () => {
  const { evacuation, told, registry } = crowded(100);
  const going = evacuation.sendAway();
  for (const connection of [...registry.all()].slice(50)) registry.remove(connection);
  await going;
  await evacuation.end();
  expect(told.size).toBe(100);
  expect([...registry.all()]).toEqual([]);
});

test('lost sessions are kept until others have them, as long as there are others, and not for long', async () => {
  const { evacuation, registry, state, connection } = crowded(0);
  await evacuation.handOver(() => true);
  expect(state.nowMs).toBe(5_000); // nobody has lost its connection

  registry.lose(connection);
  await evacuation.handOver(() => false);
  expect(state.nowMs).toBe(5_000); // there are no others

  const taken = evacuation.handOver(() => {
    if (state.nowMs > 6_000) registry.remove(connection);
    return true;
  });
  await taken;
  expect(state.nowMs).toBeLessThan(6_200);

  registry.add(connection);
  registry.lose(connection);
  await evacuation.handOver(() => true);
  expect(state.nowMs).toBeLessThan(11_300);
});

test('the end: nobody is left, and their rooms are over', async () => {
  const { evacuation, registry, rooms } = crowded(35);
  await evacuation.sendAway();
  expect(await evacuation.end()).toBe(true);
  expect([...registry.all()]).toEqual([]);
  expect(rooms.get({ roomId: 'r', channel: 'chat' })).toBeUndefined();
});

test('where a store cannot be told, somebody is left', async () => {
  const { pace } = fakePace();
  const domain = openRooms();
  domain.join('guest');
  const rooms = behind(domain.rooms, unreachable);
  const membership = behind(domain.membership, unreachable);
  const evacuation = new Evacuation({ ...domain, rooms, membership, pace });
  expect(await evacuation.end()).toBe(false);
});
