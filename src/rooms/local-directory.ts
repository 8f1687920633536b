import { type Channel, channels } from '../../generated/messages.ts';
import { type Connection, toRestConnection } from './connection.ts';
import {
  type Directory,
  type DirectoryPage,
  type DirectoryQuery,
  passes,
  type RestConnection,
  type RoomCount,
} from './directory.ts';
import type { Views } from './views.ts';

/**
 * The connections of a node that is alone. A page holds who was there when it was asked for; who comes meanwhile is not
 * in it, and who goes meanwhile may be.
 */
export class LocalDirectory implements Directory {
  readonly #views: Views;

  constructor(views: Views) {
    this.#views = views;
  }

  page(query: DirectoryQuery): DirectoryPage {
    const page: Connection[] = [];
    let next: number | undefined;
    for (const connection of this.#views.connections()) {
      if (connection.serial <= query.after || !isAskedFor(connection, query)) continue;
      if (page.length === query.limit) {
        next = page.at(-1)?.serial ?? query.after;
        break;
      }
      page.push(connection);
    }
    const show = (connection: Connection) => toRestConnection(connection, this.#views.isHost(connection));
    return { connections: page.values().map(show), next, isComplete: true };
  }

  rooms(): { readonly rooms: Iterable<RoomCount>; readonly isComplete: true } {
    const count = (roomId: string): RoomCount => {
      const counts = channels.map((channel) => [channel, this.#views.count({ roomId, channel })]);
      return { roomId, counts: Object.fromEntries(counts) as Record<Channel, number> };
    };
    return { rooms: this.#views.roomIds().values().map(count), isComplete: true };
  }

  find(clientId: string): RestConnection | undefined {
    const connection = this.#views.connection(clientId);
    return connection && toRestConnection(connection, this.#views.isHost(connection));
  }
}

function isAskedFor(connection: Connection, query: DirectoryQuery): boolean {
  const { roomId, channel, connectionStatus, identity } = connection;
  return passes({ roomId, channel, connectionStatus, userId: identity.userId }, query);
}
