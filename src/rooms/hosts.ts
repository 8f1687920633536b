import { SignalboxError } from './errors.ts';
import { type Member, type Outcome, type RoomState, type Rule, withoutHost } from './room.ts';

/**
 * Who is host, by the will of a host or of a token: rules as in `room.ts`. That the sender is host was checked
 * before, and that its target is a member.
 */

/** A member's new token says something else about hosting. */
export function regrant(member: Member, members: Iterable<Member>): Rule<Outcome> {
  return (state) => {
    const isHost = state?.hosts.includes(member.clientId);
    if (state === undefined || isHost === member.tokenHost) return { state };
    if (member.tokenHost) {
      return { ...withHost(state, member.clientId), hostChange: 'refreshed' };
    }
    const [eldest = member] = members;
    const isLast = state.hosts.length === 1;
    if (isLast && eldest.clientId === member.clientId) return { state }; // it would only follow itself
    return withoutHost(state, member.clientId, [eldest], 'refreshed');
  };
}

/** A host makes another member host as well. */
export function grant(to: string): Rule<Outcome> {
  return (state) => {
    if (state === undefined || state.hosts.includes(to)) return { state };
    return { ...withHost(state, to), hostChange: 'granted' };
  };
}

/** A host makes another member host instead of itself. */
export function transfer(from: string, to: string): Rule<Outcome> {
  return (state) => {
    if (state === undefined || from === to) return { state };
    const hosts = state.hosts.filter((host) => host !== from);
    if (!hosts.includes(to)) return { ...withHost({ ...state, hosts }, to), hostChange: 'transferred' };
    return { state: { ...state, hosts }, hostChange: 'transferred' };
  };
}

/** A host takes the role back, from another or from itself. */
export function revoke(by: Member, target: Member): Rule<Outcome> {
  return (state) => {
    if (!state?.hosts.includes(target.clientId)) return { state };
    checkRank(by, target);
    const hosts = state.hosts.filter((host) => host !== target.clientId);
    if (hosts.length === 0) throw new SignalboxError('conflict', 'The last host cannot be revoked.');
    return { state: { ...state, hosts }, hostChange: 'revoked' };
  };
}

/** Whoever is not a member has nothing there: for a room of which a part was lost. */
export function mend(isMember: (clientId: string) => boolean, heirs: Iterable<Member>): Rule<Outcome> {
  return (state) => {
    if (state === undefined) return { state };
    const hosts = state.hosts.filter(isMember);
    const shares = state.shares.filter(({ clientId }) => isMember(clientId));
    const ended = state.shares.filter(({ clientId }) => !isMember(clientId));
    if (hosts.length === state.hosts.length && ended.length === 0) return { state };
    const mended = { ...state, hosts, shares };
    if (hosts.length === state.hosts.length) return { state: mended, ended };
    if (hosts.length > 0) return { state: mended, ended, hostChange: 'left' };
    return { ...withoutHost(mended, '', heirs, 'left'), ended };
  };
}

function withHost(state: RoomState, clientId: string): Outcome<RoomState> {
  return { state: { ...state, hosts: [...state.hosts, clientId] }, promoted: clientId };
}

/** One whom a token made host is beyond the reach of one whom the room made host. */
export function checkRank(by: Member, target: Member): void {
  if (by.clientId === target.clientId || by.tokenHost || !target.tokenHost) return;
  throw new SignalboxError('not_allowed', 'A token makes this participant host; only its like may do this.');
}
