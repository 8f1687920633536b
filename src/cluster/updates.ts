import { type Connection, toRecord } from '../rooms/connection.ts';
import type { Said } from '../rooms/room-store.ts';
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
  readonly #parts: UpdateParts;
  /** Those of whom it is still to be said. */
  readonly #due = new Set<Connection>();

  constructor(commands: RoomCommands, directory: RedisDirectory, pace: Pace, parts: UpdateParts) {
    this.#commands = commands;
    this.#directory = directory;
    this.#pace = pace;
    this.#parts = parts;
  }

  /**
   * Does not wait. What a client has said is passed on at once, each time; else, how it is then when its turn has come.
   */
  say(connection: Connection, said?: Said): void {
    const { isHost, isThere, failed } = this.#parts;
    const { node } = this.#commands;
    this.#directory.put(connection, toRecord(connection, node), isHost(connection)).catch(() => {}); // it says so as soon as it can
    const update = () => this.#commands.update(connection, toRecord(connection, this.#commands.node), said);
    if (said !== undefined) {
      update().catch(() => failed(connection));
      return;
    }
    if (this.#due.has(connection)) return;
    this.#due.add(connection);
    this.#pace
      .run(async () => {
        this.#due.delete(connection);
        if (isThere(connection)) await update();
      })
      .catch(() => {
        this.#due.delete(connection);
        failed(connection);
      });
  }
}
