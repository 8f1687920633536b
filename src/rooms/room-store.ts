import type { Place } from './connection.ts';
import type { Outcome, RoomState, Rule } from './room.ts';

/** Names one channel of a room in a map; `/` is in neither part. A connection knows its own, which each message needs. */
export function placeKey({
  roomId,
  channel,
  placeKey: known,
}: Place & { readonly placeKey?: string }): string {
  return known ?? `${channel}/${roomId}`;
}

/** The states of the rooms, in this process. A room whose rule leaves no state is forgotten. */
export class LocalRoomStore {
  readonly #states = new Map<string, RoomState>();

  /** Runs a rule on the state of a room and keeps what it leaves. */
  transaction<O extends Outcome>(place: Place, rule: Rule<O>): O {
    const key = placeKey(place);
    const outcome = rule(this.#states.get(key));
    if (outcome.state === undefined) this.#states.delete(key);
    else this.#states.set(key, outcome.state);
    return outcome;
  }

  /** The state of a room; `undefined` where nobody is in it. */
  get(place: Place): RoomState | undefined {
    return this.#states.get(placeKey(place));
  }
}
