import { describe, expect, test } from 'vitest';
import { type Connection, type MemberRecord, newClientId, type Place } from '../../src/rooms/connection.ts';
import { SignalboxError } from '../../src/rooms/errors.ts';
import { remoteConnection } from '../../src/rooms/remote-connection.ts';
import {
  admit,
  arrive,
  dissolve,
  leave,
  type Outcome,
  type Rule,
  stopWaiting,
  update,
} from '../../src/rooms/room.ts';
import { type Applied, type Follower, placeKey, type RoomStore } from '../../src/rooms/room-store.ts';

const room = { roomId: 'r', channel: 'zoom' } as const;
const others = [
  { roomId: 'r', channel: 'chat' },
  { roomId: 's', channel: 'zoom' },
] as const;

/** Knows who is in each room on this node, and what was applied. */
class RecordingFollower implements Follower {
  readonly applied: (Applied & { readonly place: string })[] = [];
  readonly #present = new Map<string, Connection & { order: number }>();

  apply(place: Place, applied: Applied): void {
    this.applied.push({ ...applied, place: placeKey(place) });
    const { change, order, state } = applied;
    if (change?.type === 'joined' || change?.type === 'waits') {
      // Of this node, as it is to this node.
      const connection = { ...remoteConnection(place, change.member), node: undefined };
      this.#present.set(change.member.clientId, Object.assign(connection, { order }));
    } else if (change?.type === 'admitted') {
      const waited = this.#present.get(change.clientId);
      if (waited !== undefined) waited.order = order;
    } else if (change?.type === 'went') this.#present.delete(change.clientId);
    if (state === undefined) for (const { clientId } of this.everybody(place)) this.#present.delete(clientId);
  }

  update(): void {}
  move(): void {}
  take(): void {}
  drop(): void {}
  close(): void {}
  bury(): void {}
  mend(): void {}

  knows(clientId: string): boolean {
    return this.#present.has(clientId);
  }

  everybody(place: Place): Connection[] {
    return [...this.#present.values()].filter((one) => one.placeKey === placeKey(place));
  }

  isHere(place: Place): boolean {
    return this.everybody(place).length > 0;
  }

  remaining(place: Place, except: string) {
    const members = this.everybody(place).filter(({ order, clientId }) => order > 0 && clientId !== except);
    return {
      isEmpty: members.length === 0,
      heirs: members.map(({ clientId }) => ({ clientId, tokenHost: false })),
    };
  }
}

/**
 * The cases that every `RoomStore` passes, as one node sees it.
 *
 * @param create returns a store without rooms, and the id of its node
 */
export function roomStoreSuite(
  name: string,
  create: () => Promise<{ readonly store: RoomStore; readonly node: string }>,
): void {
  async function setUp() {
    const { store, node } = await create();
    const follower = new RecordingFollower();
    store.followedBy(follower);
    const newcomer = (tokenHost = false): MemberRecord => ({
      ...{ clientId: newClientId(node), node, userId: 'u', presenterName: 'u', tokenHost },
      ...{ joinedAt: '2026-01-01T00:00:00.000Z', connectionStatus: 'connected', handRaised: false },
      media: { mic: 'off', camera: 'off', screen: 'off' },
    });
    const run = async <O extends Outcome>(rule: Rule<O>, place: Place = room, cause?: string) =>
      store.transaction(place, rule, cause);
    const join = async (place: Place = room, tokenHost = false) => {
      const member = newcomer(tokenHost);
      await run(arrive(member, 1, false), place);
      return member.clientId;
    };
    const go = (clientId: string, place: Place = room) =>
      run((state) => leave(clientId, 'left', follower.remaining(place, clientId))(state), place);
    /** What was applied since the last call, in short. */
    const news = () =>
      follower.applied
        .splice(0)
        .map(({ place, change, order, cause }) => [place, change?.type, order, cause]);
    return { store, follower, run, join, go, news };
  }

  describe(name, () => {
    test('a rule sees the state that the one before it has left, and has been carried out when it is answered', async () => {
      const { store, run, join, news } = await setUp();
      const [host] = [await join(), await join()];
      expect(store.get(room)).toMatchObject({
        createdAt: 1,
        hosts: [host],
        locked: false,
        admission: 'open',
      });
      await run(update({ locked: true }), room, host);
      await run((state) => {
        expect(state).toStrictEqual(store.get(room));
        return update({ admission: 'approval' })(state);
      });
      expect(store.get(room)).toMatchObject({ hosts: [host], locked: true, admission: 'approval' });
      expect(news()).toEqual([
        ['zoom/r', 'joined', 1, undefined],
        ['zoom/r', 'joined', 2, undefined],
        ['zoom/r', undefined, 0, host],
        ['zoom/r', undefined, 0, undefined],
      ]);
    });

    test('one that throws changes nothing, and is heard of by nobody', async () => {
      const { store, run, join, news } = await setUp();
      const refused = new SignalboxError('room_locked', 'no');
      const refuse: Rule<Outcome> = () => {
        throw refused;
      };
      await expect(run(refuse)).rejects.toBe(refused);
      expect(store.get(room)).toBeUndefined();
      await join();
      const before = store.get(room);
      news();
      await expect(run(refuse)).rejects.toBe(refused);
      expect(store.get(room)).toStrictEqual(before);
      expect(news()).toEqual([]);
    });

    test('of many at once each comes after another', async () => {
      const { store, run, join, follower } = await setUp();
      await join();
      const addOne: Rule<Outcome> = (state) => ({
        state: state && { ...state, createdAt: state.createdAt + 1 },
      });
      await Promise.all(Array.from({ length: 100 }, () => run(addOne)));
      expect(store.get(room)?.createdAt).toBe(101);
      const seen = follower.applied.slice(1).map(({ state }) => state?.createdAt);
      expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n + 2));
    });

    test('who comes has the next order, in each channel of each room; who waits has none until it is let in', async () => {
      const { join, run, news, follower } = await setUp();
      for (const place of [room, ...others, room]) await join(place);
      await run(update({ admission: 'approval' }));
      const [one, two] = [await join(), await join()];
      await join(room, true);
      for (const clientId of [two, one]) await run(admit({ clientId, tokenHost: false }, 1, 'now'));
      expect(news().map(([place, type, order]) => `${type} ${order} ${place}`)).toEqual([
        ...['joined 1 zoom/r', 'joined 1 chat/r', 'joined 1 zoom/s', 'joined 2 zoom/r', 'undefined 0 zoom/r'],
        ...['waits 0 zoom/r', 'waits 0 zoom/r', 'joined 3 zoom/r', 'admitted 4 zoom/r', 'admitted 5 zoom/r'],
      ]);
      expect(follower.everybody(room).map(({ order }) => order)).toEqual([1, 2, 5, 4, 3]);
    });

    test('the orders of many who come at once count up', async () => {
      const { join, follower } = await setUp();
      await Promise.all(Array.from({ length: 100 }, () => join()));
      const orders = follower.applied.map(({ order }) => order);
      expect(orders).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
    });

    test('who goes has gone; after the last one the room is another', async () => {
      const { store, join, go, run, news, follower } = await setUp();
      const [first, second] = [await join(), await join()];
      expect(await go(first)).toMatchObject({ promoted: second, hostChange: 'elected' });
      expect(store.get(room)?.hosts).toEqual([second]);
      await run(update({ admission: 'approval', locked: true }));
      const waits = await join();
      await run(stopWaiting(waits, 'closed'));
      expect(follower.everybody(room).map(({ clientId }) => clientId)).toEqual([second]);
      await go(second);
      expect(store.get(room)).toBeUndefined();
      news();
      const third = await join();
      expect(store.get(room)).toMatchObject({ hosts: [third], locked: false, admission: 'open' });
      expect(news()).toEqual([['zoom/r', 'joined', 1, undefined]]);
    });

    test('a room that is dissolved is over, with whoever waits there', async () => {
      const { store, join, run, news } = await setUp();
      const host = await join();
      await run(update({ admission: 'approval' }));
      await join();
      for (const place of others) await join(place);
      news();
      await run(dissolve('room_closed', { by: 'host' }), room, host);
      expect(store.get(room)).toBeUndefined();
      expect(news()).toEqual([['zoom/r', 'dissolved', 0, host]]);
      for (const place of others) expect(store.get(place)?.hosts).toHaveLength(1);
      await join();
      expect(news()).toEqual([['zoom/r', 'joined', 1, undefined]]);
    });

    test('a room is known while it is held, whatever becomes of it; what is done then is answered as it is', async () => {
      const { store, join } = await setUp();
      const places = [room, ...others];
      expect(await store.hold(places, () => 'done')).toBe('done');
      await store.hold(places, async () => {
        await join();
        await store.hold([room], () => {});
        expect(store.get(room)?.hosts).toHaveLength(1);
      });
      const held = async () => store.hold([room], () => Promise.reject(new Error('no')));
      await expect(held()).rejects.toThrow('no');
      expect(store.get(room)?.hosts).toHaveLength(1);
      expect(store.get({ roomId: 's', channel: 'zoom' })).toBeUndefined();
    });

    test('names may hold anything that a room id may', async () => {
      const { store, join } = await setUp();
      for (const roomId of ['__proto__', 'constructor', 'a.b-c~d', 'zoom', '0']) {
        const host = await join({ roomId, channel: 'zoom' });
        expect(store.get({ roomId, channel: 'zoom' })?.hosts).toEqual([host]);
        expect(store.get({ roomId, channel: 'chat' })).toBeUndefined();
      }
    });
  });
}
