import type { Clock } from '../rooms/clock.ts';
import type { Place } from '../rooms/connection.ts';
import { placeKey } from '../rooms/room-store.ts';

/** Whether a name is that of something on a detour, rather than of any other echo. */
export function isDetour(name: string | undefined): name is string {
  return name?.startsWith('~') === true;
}

/** What is still to come by. */
interface Detour {
  /** How many need it. */
  users: number;
  /** What each does here that comes by, by its name, in the order in which they were sent. */
  readonly awaited: Map<string, () => void>;
}

/**
 * The channels of rooms in which this node tells its own clients nothing but what has come by Redis, in the one order in
 * which all nodes hear it. While a session moves from one node to another, both of them do so: then a moment of that order
 * divides what the one tells it from what the other does.
 *
 * What does not come in time is told without, and `onMissed` hears that the order was lost.
 */
export class Detours {
  readonly #later: Clock['later'];
  readonly #onMissed: () => void;
  readonly #patienceMs: number;
  readonly #byPlace = new Map<string, Detour>();
  #lastName = 0;

  /** @param patienceMs after so long what was sent does not come any more */
  constructor(later: Clock['later'], onMissed: () => void, patienceMs: number) {
    this.#patienceMs = patienceMs;
    this.#later = later;
    this.#onMissed = onMissed;
  }

  /** Takes the detour from now on, until what this returns is called, and all has come by that was sent before. */
  enter(place: Place): () => void {
    const key = placeKey(place);
    const detour = this.#byPlace.get(key) ?? { users: 0, awaited: new Map() };
    this.#byPlace.set(key, detour);
    detour.users += 1;
    return () => {
      detour.users -= 1;
      this.#leave(key, detour);
    };
  }

  /** Whether a channel takes it. */
  has(place: Place): boolean {
    return this.#byPlace.size > 0 && this.#byPlace.has(placeKey(place));
  }

  /** What is about to be sent does this here when it comes by; gives its name, or nothing where no detour is taken. */
  expect(place: Place, act: () => void): string | undefined {
    const detour = this.#byPlace.get(placeKey(place));
    if (detour === undefined) return undefined;
    this.#lastName += 1;
    const name = `~${this.#lastName}`;
    detour.awaited.set(name, act);
    this.#later(() => {
      if (detour.awaited.has(name)) this.missed();
    }, this.#patienceMs);
    return name;
  }

  /** This has come by; what was sent before it, and has not, is lost on its way, and told first. */
  come(place: Place, name: string): void {
    const key = placeKey(place);
    const detour = this.#byPlace.get(key);
    if (detour?.awaited.has(name) !== true) return;
    for (const [each, act] of detour.awaited) {
      detour.awaited.delete(each);
      act();
      if (each === name) break;
    }
    this.#leave(key, detour);
  }

  /** This is not said after all. */
  forget(place: Place, name: string): void {
    const key = placeKey(place);
    const detour = this.#byPlace.get(key);
    if (detour?.awaited.delete(name)) this.#leave(key, detour);
  }

  /** What was sent may not come: all of it is told without. */
  missed(): void {
    this.#onMissed();
    for (const [key, detour] of [...this.#byPlace]) {
      const acts = [...detour.awaited.values()];
      detour.awaited.clear();
      for (const act of acts) act();
      this.#leave(key, detour);
    }
  }

  #leave(key: string, detour: Detour): void {
    if (detour.users > 0 || detour.awaited.size > 0) return;
    if (this.#byPlace.get(key) === detour) this.#byPlace.delete(key);
  }
}
