import type {
  Admission,
  CloseName,
  Departure,
  HostChanged,
  RoomClosed,
  RoomUpdate,
  ScreenShare,
} from '../../generated/messages.ts';
import type { MemberRecord } from './connection.ts';
import type { Frame } from './frame.ts';

/**
 * The rules of one channel of a room, as pure functions on plain data. `RoomStore.transaction` runs them, so
 * that each sees and leaves a whole state; one that refuses throws, and leaves everything as it was.
 */

/** What is remembered of a channel of a room beside its members; `undefined` stands for an empty one. */
export interface RoomState {
  /** Epoch milliseconds. */
  readonly createdAt: number;
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

/** How the connection of one who is put out is closed, after a last frame. */
export interface Ending {
  readonly close: CloseName;
  readonly last: Frame;
}

/** Who comes or goes by a change of state. */
export type Change =
  | { readonly type: 'joined' | 'waits'; readonly member: MemberRecord }
  | { readonly type: 'admitted'; readonly clientId: string; readonly joinedAt: string }
  | {
      readonly type: 'went';
      readonly clientId: string;
      readonly reason: Departure['reason'];
      /** Whether it goes as one who waits: who has been let in meanwhile does not. */
      readonly waited?: true;
      readonly ending?: Ending | undefined;
    }
  /** Everybody goes: their connections are closed like this, after they have been told. */
  | { readonly type: 'dissolved'; readonly close: CloseName; readonly closed?: RoomClosed | undefined };

/** A change of state, and what the members are to be told of it. */
export interface Outcome<State extends RoomState | undefined = RoomState | undefined> {
  readonly state: State;
  readonly change?: Change;
  /** Whether who comes has a place, however full the room is. */
  readonly hasPlace?: boolean;
  /** Why the hosts changed, where they did. */
  readonly hostChange?: HostChanged['reason'];
  /** Who became host. */
  readonly promoted?: string;
  /** The shares that are over. */
  readonly ended?: readonly ScreenShare[];
  /** A new share. */
  readonly started?: ScreenShare;
  /** Whether all are to be told how the room is now. */
  readonly isUpdated?: boolean;
  /** Whether it may be refused in another state: nothing of it is said before it is done. */
  readonly isPermitted?: boolean;
}

/** A rule bound to its arguments. */
export type Rule<O extends Outcome> = (state: RoomState | undefined) => O;

/** Refuses what is about to be done to a room in this state, by throwing. */
export type Permit = (state: RoomState | undefined) => void;

/** A rule that is run only where this is permitted; by the very state that it changes. */
export function permitted<O extends Outcome>(permit: Permit | undefined, rule: Rule<O>): Rule<O> {
  if (permit === undefined) return rule;
  return (state) => {
    permit(state);
    return { ...rule(state), isPermitted: true };
  };
}

/**
 * A client comes: it joins at once, or waits to be let in.
 *
 * @param hasPlace whether a place is kept for it
 */
export function arrive(member: MemberRecord, now: number, hasPlace: boolean): Rule<Outcome<RoomState>> {
  return (state) => {
    const waits = state?.admission === 'approval' && !member.tokenHost && !hasPlace;
    if (waits) return { state, change: { type: 'waits', member } };
    return { ...join(member, now)(state), change: { type: 'joined', member }, ...(hasPlace && { hasPlace }) };
  };
}

/** One who waits is let in. */
export function admit(member: Member, now: number, joinedAt: string): Rule<Outcome<RoomState>> {
  const change = { type: 'admitted', clientId: member.clientId, joinedAt } as const;
  return (state) => ({ ...join(member, now)(state), change });
}

/** A member comes, whom nobody keeps waiting: host by its token, or because nobody else is there. */
export function join(member: Member, now: number): Rule<Outcome<RoomState>> {
  return (state = emptyRoom(now)) => {
    const becomesHost = member.tokenHost || state.hosts.length === 0;
    return {
      // The very same state where only the roll gets longer: then there is nothing to compare with what others do.
      state: becomesHost ? { ...state, hosts: [...state.hosts, member.clientId] } : state,
      ...(becomesHost && state.hosts.length > 0 && { hostChange: 'joined', promoted: member.clientId }),
    };
  };
}

/** Who remains of a channel when one goes. */
export interface Remaining {
  readonly isEmpty: boolean;
  /** The members, in the order in which they may become host; looked at only where one is needed. */
  readonly heirs: Iterable<Member>;
}

/** A member goes, and its shares with it. When the last host goes, the longest-present of those who remain follows. */
export function leave(
  clientId: string,
  reason: Departure['reason'],
  { isEmpty, heirs }: Remaining,
  ending?: Ending,
): Rule<Outcome> {
  const change = { type: 'went', clientId, reason, ...(ending && { ending }) } as const;
  return (before) => {
    if (before === undefined || isEmpty) return { state: undefined, change };
    const ended = before.shares.filter((share) => share.clientId === clientId);
    const shares = before.shares.filter((share) => share.clientId !== clientId);
    const state = ended.length > 0 ? { ...before, shares } : before;
    if (!state.hosts.includes(clientId)) return { state, change, ended };
    return { ...withoutHost(state, clientId, heirs, 'left'), change, ended };
  };
}

/** One who waits to be let in goes. */
export function stopWaiting(clientId: string, reason: Departure['reason'], ending?: Ending): Rule<Outcome> {
  const change = { type: 'went', clientId, reason, waited: true, ...(ending && { ending }) } as const;
  return (state) => ({ state, change });
}

/** Everybody goes at once. */
export function dissolve(close: CloseName, closed?: RoomClosed): Rule<Outcome> {
  return () => ({ state: undefined, change: { type: 'dissolved', close, closed } });
}

/** Locks or unlocks, has newcomers wait or lets them in; what is left out stays as it is. */
export function update(settings: RoomUpdate): Rule<Outcome> {
  return (state) => ({ state: state && { ...state, ...settings }, isUpdated: true });
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
  return { createdAt: now, hosts: [], locked: false, admission: 'open', shares: [] };
}
