import type { Connection, Place } from './connection.ts';
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

/** Carries a change out on this node: who is there now, and what its clients are told. */
export type Apply = (place: Place, applied: Applied) => void;

/**
 * The states of the rooms, and the one way to change them: in this process, or for all nodes.
 *
 * Promises:
 * - A rule sees and leaves a whole state: of two at once, one comes after the other. One that throws changes nothing.
 * - Every node that knows the room applies its changes in the same order, each once; the one that made a change has
 *   applied it when `transaction` answers.
 *
 * A store that does no I/O answers without a promise; one that cannot be reached rejects with `degraded`.
 */
export interface RoomStore {
  /** Says who applies changes; to be called once, before anything else. */
  appliesWith(apply: Apply): void;
  /** The state of a room that this node knows; `undefined` where nobody is in it. */
  get(place: Place): RoomState | undefined;
  /** Knows these rooms while `use` runs, also where none of its clients is on this node. */
  hold<T>(places: readonly Place[], use: () => Ready<T>): Ready<T>;
  /**
   * Runs a rule on the state of a room that this node knows, keeps what it leaves, and has it applied. The rule may run
   * more than once, and what it reads of who is there must be read when it runs.
   *
   * @param cause the `clientId` of who makes the change, and will know of it
   */
  transaction<O extends Outcome>(place: Place, rule: Rule<O>, cause?: string): Ready<O>;
  /** Tells the other nodes how a client of this one is now. */
  update(connection: Connection): void;
}
