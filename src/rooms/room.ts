import type { Admission, HostChanged, RoomUpdate, ScreenShare } from '../../generated/messages.ts';

/**
 * The rules of one channel of a room, as pure functions on plain data. `RoomStore.transaction` runs them, so
 * that each sees and leaves a whole state; one that refuses throws, and leaves everything as it was.
 */

/** What is remembered of a channel of a room beside its members; `undefined` stands for an empty one. */
export interface RoomState {
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** The `order` of the newest member. */
  readonly lastOrder: number;
  /** The `clientId`s of the hosts, those who became host earlier first. */
  readonly hosts: readonly string[];
  readonly locked: boolean;
  readonly admission: Admission;
  /** The screens that are being shared, oldest first. */
  readonly shares: readonly ScreenShare[];
}

/** What the rules need to know of a member. */
export interface Member {
  readonly clientId: string;
  /** Whether its token makes it host. */
  readonly tokenHost: boolean;
}

/** A change of state, and what the members are to be told of it. */
export interface Outcome<State extends RoomState | undefined = RoomState | undefined> {
  readonly state: State;
  /** Why the hosts changed, where they did. */
  readonly hostChange?: HostChanged['reason'];
  /** Who became host. */
  readonly promoted?: string;
  /** The shares that are over. */
  readonly ended?: readonly ScreenShare[];
}

/** A rule bound to its arguments. */
export type Rule<O extends Outcome> = (state: RoomState | undefined) => O;

/**
 * A client comes: it joins at once, or waits to be let in, and then nothing changes.
 *
 * @param hasPlace whether a place is kept for it
 */
export function arrive(
  member: Member,
  now: number,
  hasPlace: boolean,
): Rule<Outcome<RoomState> & { readonly waits: boolean }> {
  return (state) => {
    const waits = state?.admission === 'approval' && !member.tokenHost && !hasPlace;
    return waits ? { state, waits } : { ...join(member, now)(state), waits };
  };
}

/** A member comes, whom nobody keeps waiting: host by its token, or because nobody else is there. */
export function join(member: Member, now: number): Rule<Outcome<RoomState>> {
  return (state = emptyRoom(now)) => {
    const becomesHost = member.tokenHost || state.hosts.length === 0;
    return {
      state: {
        ...state,
        lastOrder: state.lastOrder + 1,
        hosts: becomesHost ? [...state.hosts, member.clientId] : state.hosts,
      },
      ...(becomesHost && state.hosts.length > 0 && { hostChange: 'joined', promoted: member.clientId }),
    };
  };
}

/**
 * A member goes, and its shares with it. When the last host goes, the longest-present of those who remain follows.
 *
 * @param isLast whether nobody remains
 * @param heirs the other members, in the order in which they may become host; looked at only where one is needed
 */
export function leave(clientId: string, isLast: boolean, heirs: Iterable<Member>): Rule<Outcome> {
  return (before) => {
    if (before === undefined || isLast) return { state: undefined };
    const ended = before.shares.filter((share) => share.clientId === clientId);
    const state = { ...before, shares: before.shares.filter((share) => share.clientId !== clientId) };
    if (!state.hosts.includes(clientId)) return { state, ended };
    return { ...withoutHost(state, clientId, heirs, 'left'), ended };
  };
}

/** Everybody goes at once. */
export function dissolve(): Outcome {
  return { state: undefined };
}

/** Locks or unlocks, has newcomers wait or lets them in; what is left out stays as it is. */
export function update(change: RoomUpdate): Rule<Outcome> {
  return (state) => ({ state: state && { ...state, ...change } });
}

/** A host is one no more; where it was the last, the first of its heirs follows. */
export function withoutHost(
  state: RoomState,
  clientId: string,
  heirs: Iterable<Member>,
  reason: HostChanged['reason'],
): Outcome<RoomState> {
  const hosts = state.hosts.filter((host) => host !== clientId);
  if (hosts.length > 0) return { state: { ...state, hosts }, hostChange: reason };
  const [heir] = heirs;
  if (heir === undefined) return { state };
  return { state: { ...state, hosts: [heir.clientId] }, hostChange: 'elected', promoted: heir.clientId };
}

function emptyRoom(now: number): RoomState {
  return { createdAt: now, lastOrder: 0, hosts: [], locked: false, admission: 'open', shares: [] };
}
