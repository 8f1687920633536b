import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { regrant } from '../../src/rooms/hosts.ts';
import { arrive, dissolve, join, leave, type Member, type RoomState, update } from '../../src/rooms/room.ts';

const member = (clientId: string, tokenHost = false): Member => ({ clientId, tokenHost });
const state = (...hosts: string[]): RoomState => ({
  createdAt: 1,
  lastOrder: 3,
  hosts,
  locked: false,
  admission: 'open',
  shares: [],
});

describe('join', () => {
  test('the first is host, and starts the room', () => {
    expect(join(member('a'), 42)(undefined)).toEqual({
      state: { createdAt: 42, lastOrder: 1, hosts: ['a'], locked: false, admission: 'open', shares: [] },
    });
  });

  test('a later one is not, and gets the next order', () => {
    expect(join(member('b'), 42)(state('a'))).toEqual({
      state: { ...state('a'), lastOrder: 4 },
    });
  });

  test('one whose token says so is host beside the others', () => {
    const { state: after, hostChange, promoted } = join(member('b', true), 42)(state('a'));
    expect([after.hosts, hostChange, promoted]).toEqual([['a', 'b'], 'joined', 'b']);
  });
});

describe('a newcomer', () => {
  const guarded: RoomState = { ...state('a'), admission: 'approval' };

  test('waits where a host decides, and changes nothing', () => {
    expect(arrive(member('b'), 42, false)(guarded)).toEqual({ state: guarded, waits: true });
  });

  test.each([
    ['the door is open', member('b'), state('a')],
    ['its token makes it host', member('b', true), guarded],
    ['nobody is there', member('b'), undefined],
    ['its place is kept', member('b'), guarded, true],
  ])('joins at once where %s', (_, newcomer, before, hasPlace = false) => {
    expect(arrive(newcomer, 42, hasPlace)(before)).toEqual({ ...join(newcomer, 42)(before), waits: false });
  });
});

describe('leave', () => {
  test('the last to go leaves nothing', () => {
    expect(leave('a', true, [])(state('a'))).toEqual({ state: undefined });
  });

  test('one who was no host changes nothing', () => {
    const before = state('a');
    expect(leave('b', false, [member('a')])(before)).toEqual({ state: before, ended: [] });
  });

  test('after the last host the longest-present follows', () => {
    const { state: after, hostChange, promoted } = leave('a', false, [member('b'), member('c')])(state('a'));
    expect([after?.hosts, hostChange, promoted]).toEqual([['b'], 'elected', 'b']);
  });

  test('while another host remains nobody is elected', () => {
    const { state: after, hostChange } = leave('a', false, [member('b'), member('c')])(state('a', 'c'));
    expect([after?.hosts, hostChange]).toEqual([['c'], 'left']);
  });
});

test('a change is kept, and nothing else changes', () => {
  expect(update({ locked: true })(state('a'))).toEqual({ state: { ...state('a'), locked: true } });
  const locked = { ...state('a'), locked: true };
  expect(update({ admission: 'approval' })(locked)).toEqual({ state: { ...locked, admission: 'approval' } });
});

test('everybody goes at once', () => {
  expect(dissolve()).toEqual({ state: undefined });
});

test('in any order of events: a room with people has a host, every host is there, orders only grow', () => {
  const event = fc.record({
    act: fc.constantFrom('join', 'leave', 'regrant'),
    who: fc.nat(5),
    host: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      let room: RoomState | undefined;
      const present = new Map<string, Member>();
      let lastOrder = 0;
      for (const { act, who, host } of events) {
        const one = member(`c${who}`, host);
        const isThere = present.has(one.clientId);
        if (act === 'join' && !isThere) {
          room = join(one, 1)(room).state;
          present.set(one.clientId, one);
          expect(room.lastOrder).toBe(present.size === 1 ? 1 : lastOrder + 1);
          lastOrder = room.lastOrder;
        } else if (act === 'leave' && isThere) {
          present.delete(one.clientId);
          room = leave(one.clientId, present.size === 0, present.values())(room).state;
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
