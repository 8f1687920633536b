import type { HostChanged } from '../../generated/messages.ts';

/**
 * The rules of one channel of a room, as pure functions on plain data. `RoomStore.transaction` runs them, so
 * that each sees and leaves a whole state.
 */

/** What is remembered of a channel of a room beside its members; `undefined` stands for an empty one. */
export interface RoomState {
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** The `order` of the newest member. */
  readonly lastOrder: number;
  /** The `clientId`s of the hosts, those who became host earlier first. */
  readonly hosts: readonly string[];
}

/** What the rules need to know of a member. */
export interface Member {
  readonly clientId: string;
  /** Whether its token makes it host. */
  readonly tokenHost: boolean;
}

/** Why the hosts changed; `undefined`: they did not. */
export type HostChange = HostChanged['reason'] | undefined;

/** A change of state, and what it means to the caller. */
export interface Outcome<State extends RoomState | undefined = RoomState | undefined> {
  readonly state: State;
  readonly hostChange: HostChange;
}

/** A rule bound to its arguments. */
export type Rule<O extends Outcome> = (state: RoomState | undefined) => O;

/** A member comes: host by its token, or because nobody else is there. */
export function join(member: Member, now: number): Rule<Outcome<RoomState>> {
  return (state = { createdAt: now, lastOrder: 0, hosts: [] }) => {
    const becomesHost = member.tokenHost || state.hosts.length === 0;
    return {
      state: {
        ...state,
        lastOrder: state.lastOrder + 1,
        hosts: becomesHost ? [...state.hosts, member.clientId] : state.hosts,
      },
      hostChange: becomesHost && state.hosts.length > 0 ? 'joined' : undefined,
    };
  };
}

/**
 * A member goes. When the last host goes, the longest-present of those who remain follows.
 *
 * @param remaining the other members, longest present first
 */
export function leave(clientId: string, remaining: Iterable<Member>): Rule<Outcome> {
  return (state) => {
    const [eldest] = remaining;
    if (state === undefined || eldest === undefined) return { state: undefined, hostChange: undefined };
    if (!state.hosts.includes(clientId)) return { state, hostChange: undefined };
    return withoutHost(state, clientId, eldest, 'left');
  };
}

/**
 * A member's new token says something else about hosting.
 *
 * @param members all members, longest present first
 */
export function regrant(member: Member, members: Iterable<Member>): Rule<Outcome> {
  return (state) => {
    const isHost = state?.hosts.includes(member.clientId);
    if (state === undefined || isHost === member.tokenHost) return { state, hostChange: undefined };
    if (member.tokenHost) {
      return { state: { ...state, hosts: [...state.hosts, member.clientId] }, hostChange: 'refreshed' };
    }
    const [eldest = member] = members;
    return withoutHost(state, member.clientId, eldest, 'refreshed');
  };
}

/** Everybody goes at once. */
export function dissolve(): Outcome {
  return { state: undefined, hostChange: undefined };
}

function withoutHost(state: RoomState, clientId: string, eldest: Member, reason: HostChange): Outcome {
  const hosts = state.hosts.filter((host) => host !== clientId);
  return hosts.length > 0
    ? { state: { ...state, hosts }, hostChange: reason }
    : { state: { ...state, hosts: [eldest.clientId] }, hostChange: 'elected' };
}
