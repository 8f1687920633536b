import { describe, expect, test } from 'vitest';
import { checkRank, grant, regrant, revoke, transfer } from '../../src/rooms/hosts.ts';
import type { Member, RoomState } from '../../src/rooms/room.ts';

const member = (clientId: string, tokenHost = false): Member => ({ clientId, tokenHost });
const state = (...hosts: string[]): RoomState => ({
  createdAt: 1,
  hosts,
  locked: false,
  admission: 'open',
  shares: [],
});
const coded = (code: string) => expect.objectContaining({ code });

describe('regrant', () => {
  const members = [member('a'), member('b')];

  test.each([
    ['a token makes host', member('b', true), state('a'), ['a', 'b'], 'refreshed'],
    ['a token takes it back, while there is another host', member('b'), state('a', 'b'), ['a'], 'refreshed'],
    ['after the last host the longest-present follows', member('b'), state('b'), ['a'], 'elected'],
    ['nothing changes for who is what the token says', member('b'), state('a'), ['a'], undefined],
  ])('%s', (_what, who, before, hosts, hostChange) => {
    const outcome = regrant(who, members)(before);
    expect([outcome.state?.hosts, outcome.hostChange]).toEqual([hosts, hostChange]);
  });
});

describe('by the will of a host', () => {
  test.each([
    ['grant', grant('b'), ['a', 'b'], 'granted'],
    ['grant to a host', grant('a'), ['a'], undefined],
    ['transfer', transfer('a', 'b'), ['b'], 'transferred'],
    ['transfer to oneself', transfer('a', 'a'), ['a'], undefined],
    ['revoke who is none', revoke(member('a'), member('b')), ['a'], undefined],
  ])('%s', (_what, rule, hosts, hostChange) => {
    const outcome = rule(state('a'));
    expect([outcome.state?.hosts, outcome.hostChange]).toEqual([hosts, hostChange]);
  });

  test('transfer to who is host already leaves that one', () => {
    expect(transfer('a', 'b')(state('b', 'a')).state?.hosts).toEqual(['b']);
  });

  test('revoke another, or oneself', () => {
    expect(revoke(member('a'), member('b'))(state('a', 'b')).state?.hosts).toEqual(['a']);
    expect(revoke(member('a'), member('a'))(state('a', 'b'))).toMatchObject({ hostChange: 'revoked' });
  });

  test('the last host cannot be revoked', () => {
    expect(() => revoke(member('a'), member('a'))(state('a'))).toThrow(coded('conflict'));
  });

  test('a host of the room cannot reach a host by token; a host by token can reach all', () => {
    expect(() => revoke(member('a'), member('b', true))(state('a', 'b'))).toThrow(coded('not_allowed'));
    expect(() => checkRank(member('a'), member('b', true))).toThrow(coded('not_allowed'));
    for (const [by, target] of [
      [member('a', true), member('b', true)],
      [member('a', true), member('b')],
      [member('a'), member('b')],
    ] as const) {
      expect(() => checkRank(by, target)).not.toThrow();
    }
  });
});
