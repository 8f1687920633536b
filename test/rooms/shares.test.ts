import { describe, expect, test } from 'vitest';
import { leave, type RoomState } from '../../src/rooms/room.ts';
import { startShare, stopShare } from '../../src/rooms/shares.ts';

const share = (shareId: string, clientId: string) => ({ shareId, clientId });
const state = (...shares: RoomState['shares']): RoomState => ({
  createdAt: 1,
  hosts: ['host'],
  locked: false,
  admission: 'open',
  shares,
});
const nobody = () => false;
const coded = (code: string) => expect.objectContaining({ code });

describe('in a video call', () => {
  test('several share, each client up to four screens', () => {
    let now: RoomState | undefined = state(share('x', 'other'));
    for (const id of ['1', '2', '3', '4']) now = startShare('zoom', share(id, 'a'), nobody)(now).state;
    expect(now?.shares.map(({ shareId }) => shareId)).toEqual(['x', '1', '2', '3', '4']);
    expect(() => startShare('zoom', share('5', 'a'), nobody)(now)).toThrow(coded('conflict'));
    expect(startShare('zoom', share('5', 'b'), nobody)(now).state?.shares).toHaveLength(6);
    const full = state(...Array.from({ length: 16 }, (_, n) => share(`s${n}`, `c${n}`)));
    expect(() => startShare('zoom', share('one more', 'b'), nobody)(full)).toThrow(coded('conflict'));
  });
});

describe('in a screenshare channel', () => {
  test('one at a time: another is refused, a host replaces, one’s own is renewed', () => {
    const busy = state(share('1', 'a'));
    expect(() => startShare('screenshare', share('2', 'b'), nobody)(busy)).toThrow(coded('screen_busy'));
    const lost = startShare('screenshare', share('2', 'b'), (clientId) => clientId === 'a')(busy);
    expect(lost.state?.shares).toEqual([share('2', 'b')]); // whoever has lost its connection makes way
    for (const who of ['host', 'a']) {
      const { state: after, ended } = startShare('screenshare', share('2', who), nobody)(busy);
      expect([after?.shares, ended]).toEqual([[share('2', who)], [share('1', 'a')]]);
    }
  });
});

describe('stopping', () => {
  test('by who shares, or by a host', () => {
    for (const who of ['a', 'host']) {
      const outcome = stopShare(who, '1')(state(share('1', 'a'), share('2', 'b')));
      expect([outcome.state?.shares, outcome.ended]).toEqual([[share('2', 'b')], [share('1', 'a')]]);
    }
    expect(() => stopShare('b', '1')(state(share('1', 'a')))).toThrow(coded('not_allowed'));
    expect(() => stopShare('a', '9')(state(share('1', 'a')))).toThrow(coded('share_not_found'));
  });

  test('who goes takes its shares along', () => {
    const { state: after, ended } = leave('a', 'left', {
      isEmpty: false,
      heirs: [{ clientId: 'host', tokenHost: false }],
    })(state(share('1', 'a'), share('2', 'b')));
    expect([after?.shares, ended]).toEqual([[share('2', 'b')], [share('1', 'a')]]);
  });
});
