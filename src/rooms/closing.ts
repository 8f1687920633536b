import type { Channel, CloseName, RoomClosed } from '../../generated/messages.ts';
import type { ChatStore } from './chat-store.ts';
import type { Connection, Place } from './connection.ts';
import type { Report, RoomEvent } from './events.ts';
import type { Hub } from './hub.ts';
import { type Ready, whenReady } from './ready.ts';
import type { Registry } from './registry.ts';
import { dissolve } from './room.ts';
import type { LocalRoomStore } from './room-store.ts';

/** The end of whole rooms. */
export class Closing {
  readonly #registry: Registry;
  readonly #rooms: LocalRoomStore;
  readonly #hub: Hub;
  readonly #history: ChatStore;
  readonly #report: Report<RoomEvent>;

  constructor(
    registry: Registry,
    rooms: LocalRoomStore,
    hub: Hub,
    history: ChatStore,
    report: Report<RoomEvent>,
  ) {
    this.#registry = registry;
    this.#rooms = rooms;
    this.#hub = hub;
    this.#history = history;
    this.#report = report;
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
    // Before anybody is told: whoever opens the room anew must not read what was said, and no frame may come between
    // the last ones of a client and its close.
    return whenReady(this.#history.clear(roomId, channel), () => {
      const places = this.#registry.placesOf(roomId, channel);
      for (const place of places) {
        this.#hub.announce(place, 'room.closed', closed, { except: by, alsoWaiting: true });
      }
      by?.outlet.finish('room_closed', this.#hub.encode('room.closed', closed));
      return this.#dissolve(places, 'room_closed', by);
    });
  }

  /** Ends every connection, since the server stops; says how many. */
  closeAll(): number {
    return this.#dissolve(this.#registry.places(), 'restarting');
  }

  /** Ends whole rooms: nobody stays who could be told of a departure. */
  #dissolve(places: readonly Place[], name: CloseName, by?: Connection): number {
    const leaving = places.flatMap((place) => [
      ...this.#registry.members(place).values(),
      ...this.#registry.waiting(place).values(),
    ]);
    for (const place of places) {
      this.#rooms.transaction(place, dissolve);
      this.#hub.forget(place);
    }
    for (const connection of leaving) {
      this.#registry.remove(connection);
      if (connection !== by) connection.outlet.close(name);
      this.#report({ type: 'connection.left', connection, reason: 'closed' });
    }
    return leaving.length;
  }
}
