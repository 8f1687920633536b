import type { Connection, Place } from './connection.ts';
import type { Ready } from './ready.ts';
import type { Outcome, RoomState, Rule } from './room.ts';
import { type Follower, placeKey, type RoomStore, type Said } from './room-store.ts';

interface Room {
  readonly state: RoomState;
  /** The `order` of the newest member. */
  readonly lastOrder: number;
}

/** The states of the rooms of a node that is alone. A room whose rule leaves no state is forgotten. */
export class LocalRoomStore implements RoomStore {
  readonly #rooms = new Map<string, Room>();
  #follower: Pick<Follower, 'apply'> | undefined;

  followedBy(follower: Pick<Follower, 'apply'>): void {
    this.#follower = follower;
  }

  get(place: Place): RoomState | undefined {
    return this.#rooms.get(placeKey(place))?.state;
  }

  isKnown(): boolean {
    return true; // there is nobody else to hear of
  }

  hold<T>(_places: readonly Place[], use: () => Ready<T>): Ready<T> {
    return use();
  }

  transaction<O extends Outcome>(place: Place, rule: Rule<O>, cause?: string): O {
    const key = placeKey(place);
    const { state: before, lastOrder = 0 } = this.#rooms.get(key) ?? {};
    const outcome = rule(before);
    const { state, change } = outcome;
    const order = change?.type === 'joined' || change?.type === 'admitted' ? lastOrder + 1 : 0;
    if (state === undefined) this.#rooms.delete(key);
    else this.#rooms.set(key, { state, lastOrder: order || lastOrder });
    this.#follower?.apply(place, { ...outcome, order, cause });
    return outcome;
  }

  update(_connection: Connection, _said?: Said, tellHere?: () => void): void {
    tellHere?.();
  }
}
