import { type Channel, frameLimits, type ScreenShare } from '../../generated/messages.ts';
import { SignalboxError } from './errors.ts';
import type { Outcome, Rule } from './room.ts';

/** Screen sharing: rules as in `room.ts`. */

/**
 * A member shares a screen. In a screenshare channel there is one share at a time: a new one of the same member or
 * of a host takes its place, anybody else's is refused (`screen_busy`), unless who shares has lost its connection.
 *
 * @param isLost whether a member has
 */
export function startShare(
  channel: Channel,
  share: ScreenShare,
  isLost: (clientId: string) => boolean,
): Rule<Outcome> {
  return (state) => {
    // It may have been tried before, and done.
    if (state === undefined || state.shares.some(({ shareId }) => shareId === share.shareId))
      return { state };
    const own = state.shares.filter(({ clientId }) => clientId === share.clientId);
    if (channel !== 'screenshare') {
      const { maxSharesPerClient, maxSharesPerRoom } = frameLimits;
      if (own.length < maxSharesPerClient && state.shares.length < maxSharesPerRoom) {
        return { state: { ...state, shares: [...state.shares, share] }, started: share };
      }
      const limits = `${maxSharesPerClient} screens of a client and ${maxSharesPerRoom} in all`;
      throw new SignalboxError('conflict', `At most ${limits} are shared at once.`);
    }
    const mayReplace =
      state.hosts.includes(share.clientId) ||
      state.shares.every(({ clientId }) => clientId === share.clientId || isLost(clientId));
    if (!mayReplace) throw new SignalboxError('screen_busy', 'Another participant is sharing.');
    return { state: { ...state, shares: [share] }, ended: state.shares, started: share };
  };
}

/** A share is stopped, by who shares or by a host. */
export function stopShare(by: string, shareId: string): Rule<Outcome> {
  return (state) => {
    const share = state?.shares.find((one) => one.shareId === shareId);
    if (state === undefined || share === undefined) {
      throw new SignalboxError('share_not_found', `Nobody shares ${shareId}.`);
    }
    if (share.clientId !== by && !state.hosts.includes(by)) {
      throw new SignalboxError('not_allowed', 'Only who shares, or a host, may stop it.');
    }
    return { state: { ...state, shares: state.shares.filter((one) => one !== share) }, ended: [share] };
  };
}
