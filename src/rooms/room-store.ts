import type { ServerPayloads } from '../../generated/messages.ts';
import type { Connection, MemberRecord, Place } from './connection.ts';
import type { Ready } from './ready.ts';
import type { Outcome, RoomState, Rule } from './room.ts';

/** Names one channel of a room in a map; `/` is in neither part. A connection knows its own, which each message needs. */
export function placeKey({
  roomId,
  channel,
  placeKey: known,
}: Place & { readonly placeKey?: string }): string {
  return known ?? `${channel}/${roomId}`;
}

/** What a rule has changed, as every node hears of it. */
export interface Applied extends Outcome {
  /** The `order` of who has become a member by it; 0 where nobody has. */
  readonly order: number;
  /** The `clientId` of who made the change. */
  readonly cause?: string | undefined;
}

/** One of those in a channel of a room, as all nodes know them. */
export interface RollEntry {
  readonly record: MemberRecord;
  /** 0 while it waits to be let in. */
  readonly order: number;
}

/** What a client says of itself, as its peers are told. */
export type Said =
  | { readonly type: 'presence.updated'; readonly payload: ServerPayloads['presence.updated'] }
  | { readonly type: 'media.updated'; readonly payload: ServerPayloads['media.updated'] };

/** Carries out on this node what happens to rooms: who is there now, and what its clients are told. Never throws. */
export interface Follower {
  apply(place: Place, applied: Applied): void;
  /**
   * A client of another node is like this from now on.
   *
   * @param said what its peers are told; without it, what they must know of the change
   */
  update(record: MemberRecord, said: Said | undefined): void;
  /**
   * The session of a client is on another node from here on, or on this one.
   *
   * @param claim by which it was asked for
   */
  move(record: MemberRecord, claim: string): void;
  /**
   * Takes over who is in a channel of a room, and its state, where changes may have been missed.
   *
   * @param before the state as it was known here
   * @param isGone whether one that is missing has gone, rather than is still to come back
   */
  take(
    place: Place,
    roll: readonly RollEntry[],
    before: RoomState | undefined,
    isGone: (connection: Connection) => boolean,
  ): void;
  /** Forgets who is on other nodes: the room is not known here any more. */
  drop(place: Place): void;
  /** Ends the connections of this node, which others count as gone; they may come back at once. */
  close(place: Place): void;
  /** Takes those out whom nobody has any more: a node died, or gave up. Never rejects. */
  bury(place: Place, isDead: (connection: Connection) => boolean): Ready<unknown>;
  /** Sees to it that only those have something in a channel who are in it. */
  mend(place: Place): Ready<unknown>;
  /** Whether a client is in any room that this node knows. */
  knows(clientId: string): boolean;
  /** Who is in a channel of a room, or waits. */
  everybody(place: Place): Connection[];
  isHere(place: Place): boolean;
}

/**
 * The states of the rooms, and the one way to change them: in this process, or for all nodes.
 *
 * Promises:
 * - A rule sees and leaves a whole state: of two at once, one comes after the other. One that throws changes nothing.
 * - Every node that knows the room applies its changes in the same order, each once; the one that made a change has
 *   applied it when `transaction` answers.
 * - That somebody goes is never refused: it is carried out here at once, and later for all.
 *
 * A store that does no I/O answers without a promise; one that cannot be reached rejects with `degraded`.
 */
export interface RoomStore {
  /** Says who carries changes out; to be called once, before anything else. */
  followedBy(follower: Follower): void;
  /** The state of a room that this node knows; `undefined` where nobody is in it. */
  get(place: Place): RoomState | undefined;
  /** Whether this node knows a room, or is about to: then it need not ask for what it would have heard of it. */
  isKnown(place: Place): boolean;
  /** Knows these rooms while `use` runs, also where none of its clients is on this node. */
  hold<T>(places: readonly Place[], use: () => Ready<T>): Ready<T>;
  /**
   * Runs a rule on the state of a room that this node knows, keeps what it leaves, and has it applied. The rule may run
   * more than once, and what it reads of who is there must be read when it runs. Answers `undefined` where nothing is
   * changed any more, since whoever it is about has gone meanwhile.
   *
   * @param cause the `clientId` of who makes the change, and will know of it
   */
  transaction<O extends Outcome>(place: Place, rule: Rule<O>, cause?: string): Ready<O | undefined>;
  /**
   * Tells the other nodes how a client of this one is now, and what it has said, in the order of the room's changes.
   *
   * @param tellHere tells the clients of this node: called at once, or when the others hear of it
   */
  update(connection: Connection, said?: Said, tellHere?: () => void): void;
}
