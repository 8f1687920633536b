import { type Connection, type Place, toRecord } from '../rooms/connection.ts';
import { placeKey, type Said } from '../rooms/room-store.ts';
import type { Detours } from './detours.ts';
import type { Pace } from './pace.ts';
import type { RedisDirectory } from './redis-directory.ts';
import type { RoomCommands } from './room-commands.ts';

/** What is to be known of connections. */
export interface UpdateParts {
  readonly isHost: (connection: Connection) => boolean;
  readonly isThere: (connection: Connection) => boolean;
  /** Could not say how this one is. */
  readonly failed: (connection: Connection) => void;
}

/** Says how connections of this node are now, to lists and to the other nodes. */
export class Updates {
  readonly #commands: RoomCommands;
  readonly #directory: RedisDirectory;
  readonly #pace: Pace;
  readonly #detours: Detours;
  readonly #parts: UpdateParts;
  /** Those of whom it is still to be said. */
  readonly #due = new Set<Connection>();

  constructor(
    commands: RoomCommands,
    directory: RedisDirectory,
    pace: Pace,
    detours: Detours,
    parts: UpdateParts,
  ) {
    this.#commands = commands;
    this.#directory = directory;
    this.#pace = pace;
    this.#detours = detours;
    this.#parts = parts;
  }

  /**
   * Does not wait. What a client has said is passed on at once, each time; else, how it is then when its turn has come.
   *
   * @param tellHere tells the clients of this node: at once, or where the channel takes a detour, when it comes by
   */
  say(connection: Connection, said: Said | undefined, tellHere: () => void): void {
    const { isHost, isThere } = this.#parts;
    const { node } = this.#commands;
    const echo = this.#detours.expect(connection, tellHere);
    if (echo === undefined) tellHere();
    if (connection.departing !== undefined) return; // its new node says it
    this.#directory.put(connection, toRecord(connection, node), isHost(connection)).catch(() => {}); // it says so as soon as it can
    if (said !== undefined || echo !== undefined) return this.#sayNow(connection, said, echo);
    if (this.#due.has(connection)) return;
    this.#due.add(connection);
    this.#pace
      .run(async () => {
        if (this.#due.delete(connection) && isThere(connection)) await this.#update(connection);
      })
      .catch(() => this.#failed(connection));
  }

  /** Says now what waits for its turn in a channel of a room. */
  flush(place: Place): void {
    const key = placeKey(place);
    for (const connection of this.#due) {
      if (connection.placeKey !== key) continue;
      this.#due.delete(connection);
      if (this.#parts.isThere(connection)) this.#sayNow(connection, undefined, undefined);
    }
  }

  #sayNow(connection: Connection, said: Said | undefined, echo: string | undefined): void {
    this.#update(connection, said, echo).then(
      (isSaid) => {
        if (!isSaid && echo !== undefined) this.#detours.forget(connection, echo); // it has gone
      },
      () => this.#failed(connection), // what waits for the echo notices that it does not come
    );
  }

  #update(connection: Connection, said?: Said, echo?: string): Promise<boolean> {
    return this.#commands.update(connection, toRecord(connection, this.#commands.node), said, echo);
  }

  #failed(connection: Connection): void {
    this.#due.delete(connection);
    this.#parts.failed(connection);
  }
}
