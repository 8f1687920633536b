import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MemberRecord } from '../../src/rooms/connection.ts';
import { regrant } from '../../src/rooms/hosts.ts';
import {
  admit,
  arrive,
  dissolve,
  join,
  leave,
  type Member,
  type RoomState,
  stopWaiting,
  update,
} from '../../src/rooms/room.ts';

const member = (clientId: string, tokenHost = false): Member => ({ clientId, tokenHost });
const record = (clientId: string, tokenHost = false): MemberRecord => ({
  ...{ clientId, node: '', userId: clientId, presenterName: clientId, tokenHost, joinedAt: '' },
  ...{
    connectionStatus: 'connected',
    handRaised: false,
    media: { mic: 'off', camera: 'off', screen: 'off' },
  },
});
const state = (...hosts: string[]): RoomState => ({
  createdAt: 1,
  hosts,
  locked: false,
  admission: 'open',
  shares: [],
});

describe('join', () => {
  test('the first is host, and starts the room', () => {
    expect(join(member('a'), 42)(undefined)).toEqual({
      state: { createdAt: 42, hosts: ['a'], locked: false, admission: 'open', shares: [] },
    });
  });

  test('a later one is not, and leaves the very same state', () => {
    const before = state('a');
    expect(join(member('b'), 42)(before).state).toBe(before);
  });

  test('one whose token says so is host beside the others', () => {
    const { state: after, hostChange, promoted } = join(member('b', true), 42)(state('a'));
    expect([after.hosts, hostChange, promoted]).toEqual([['a', 'b'], 'joined', 'b']);
  });
});

describe('a newcomer', () => {
  const guarded: RoomState = { ...state('a'), admission: 'approval' };

  test('waits where a host decides, and changes nothing', () => {
    const waits = { type: 'waits', member: record('b') };
    expect(arrive(record('b'), 42, false)(guarded)).toEqual({ state: guarded, change: waits });
  });

  test.each([
    ['the door is open', record('b'), state('a')],
    ['its token makes it host', record('b', true), guarded],
    ['nobody is there', record('b'), undefined],
    ['its place is kept', record('b'), guarded, true],
  ])('joins at once where %s', (_, newcomer, before, hasPlace = false) => {
    const change = { type: 'joined', member: newcomer };
    expect(arrive(newcomer, 42, hasPlace)(before)).toMatchObject({ ...join(newcomer, 42)(before), change });
  });

  test('who waited is let in as one who joins, or goes and changes nothing', () => {
    const change = { type: 'admitted', clientId: 'b', joinedAt: 'now' };
    expect(admit(member('b'), 42, 'now')(guarded)).toEqual({ ...join(member('b'), 42)(guarded), change });
    const went = { type: 'went', clientId: 'b', reason: 'left' };
    expect(stopWaiting('b', 'left')(guarded)).toEqual({ state: guarded, change: { ...went, waited: true } });
  });
});

describe('leave', () => {
  const remaining = (...heirs: string[]) => ({ isEmpty: false, heirs: heirs.map((heir) => member(heir)) });

  test('the last to go leaves nothing', () => {
    const change = { type: 'went', clientId: 'a', reason: 'left' };
    expect(leave('a', 'left', { isEmpty: true, heirs: [] })(state('a'))).toEqual({
      state: undefined,
      change,
    });
  });

  test('one who was no host changes nothing', () => {
    const before = state('a');
    expect(leave('b', 'left', remaining('a'))(before).state).toBe(before);
  });

  test('after the last host the longest-present follows', () => {
    const { state: after, hostChange, promoted } = leave('a', 'left', remaining('b', 'c'))(state('a'));
    expect([after?.hosts, hostChange, promoted]).toEqual([['b'], 'elected', 'b']);
  });

  test('while another host remains nobody is elected', () => {
    const { state: after, hostChange } = leave('a', 'left', remaining('b', 'c'))(state('a', 'c'));
    expect([after?.hosts, hostChange]).toEqual([['c'], 'left']);
  });
});

test('a change is kept, and nothing else changes', () => {
  expect(update({ locked: true })(state('a'))).toEqual({
    state: { ...state('a'), locked: true },
    isUpdated: true,
  });
  const locked = { ...state('a'), locked: true };
  expect(update({ admission: 'approval' })(locked).state).toEqual({ ...locked, admission: 'approval' });
});

test('everybody goes at once', () => {
  const closed = { by: 'admin' } as const;
  const change = { type: 'dissolved', close: 'room_closed', closed };
  expect(dissolve('room_closed', closed)(state('a'))).toEqual({ state: undefined, change });
});

test('in any order of events: a room with people has a host, and every host is there', () => {
  const event = fc.record({
    act: fc.constantFrom('join', 'leave', 'regrant'),
    who: fc.nat(5),
    host: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      let room: RoomState | undefined;
      const present = new Map<string, Member>();
      for (const { act, who, host } of events) {
        const one = member(`c${who}`, host);
        const isThere = present.has(one.clientId);
        if (act === 'join' && !isThere) {
          room = join(one, 1)(room).state;
          present.set(one.clientId, one);
        } else if (act === 'leave' && isThere) {
          present.delete(one.clientId);
          const remaining = { isEmpty: present.size === 0, heirs: present.values() };
          room = leave(one.clientId, 'left', remaining)(room).state;
        } else if (act === 'regrant' && isThere) {
          present.set(one.clientId, one);
          room = regrant(one, present.values())(room).state;
        }
        expect(room === undefined).toBe(present.size === 0);
        if (room === undefined) continue;
        expect(room.hosts.length).toBeGreaterThan(0);
        expect(new Set(room.hosts).size).toBe(room.hosts.length);
        for (const clientId of room.hosts) expect(present.has(clientId)).toBe(true);
      }
    }),
  );
});
