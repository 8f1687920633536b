import type { Channel, RoomClosed } from '../../generated/messages.ts';
import type { ChatStore } from './chat-store.ts';
import type { Connection } from './connection.ts';
import { allReady, type Ready, whenReady } from './ready.ts';
import type { Registry } from './registry.ts';
import { dissolve, type Outcome, type Rule } from './room.ts';
import type { RoomStore } from './room-store.ts';
import type { Views } from './views.ts';

/** The end of whole rooms. */
export class Closing {
  readonly #registry: Registry;
  readonly #rooms: RoomStore;
  readonly #views: Views;
  readonly #history: ChatStore;

  constructor(registry: Registry, rooms: RoomStore, views: Views, history: ChatStore) {
    this.#registry = registry;
    this.#rooms = rooms;
    this.#views = views;
    this.#history = history;
  }

  /**
   * Ends a room, or one channel of it, and forgets what was said there, also where nobody is any more; says how many
   * clients were disconnected. Where the history cannot be forgotten, nothing ends.
   *
   * @param by the host who asks for it: told last, after the answer to its message
   */
  closeRoom(
    roomId: string,
    channel: Channel | undefined,
    closed: RoomClosed,
    by?: Connection,
  ): Ready<number> {
    // Before anybody is told: whoever opens the room anew must not read what was said.
    return whenReady(this.#history.clear(roomId, channel), () => {
      let count = 0;
      const end = allReady(this.#registry.placesOf(roomId, channel), (place) => {
        let present = 0;
        const rule: Rule<Outcome> = (state) => {
          present = this.#views.count(place);
          return dissolve('room_closed', closed)(state);
        };
        return whenReady(this.#rooms.transaction(place, rule, by?.clientId), (outcome) => {
          if (outcome !== undefined) count += present; // else somebody else was first
        });
      });
      return whenReady(end, () => count);
    });
  }
}
