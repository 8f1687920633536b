import { type OperationHandlersOf, type OperationRequest, routes } from '../../../generated/operations.ts';
import { type Connection, toRestConnection } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Report } from '../../rooms/events.ts';
import type { Exclusion } from '../../rooms/exclusion.ts';
import type { Views } from '../../rooms/views.ts';
import type { AdminAction, Caller } from './caller.ts';

/**
 * Live connections, one by one.
 *
 * The list holds who was there when it began, each once, as each is when its turn comes to be written. Who comes
 * meanwhile is not in it, and who goes meanwhile may be.
 */
export function connectionOperations(views: Views, exclusion: Exclusion, audit: Report<AdminAction>) {
  const show = (connection: Connection) => toRestConnection(connection, views.isHost(connection));

  function find(id: string): Connection {
    const connection = views.connection(id);
    if (connection) return connection;
    throw new SignalboxError('connection_not_found', `No connection has the id ${id}.`);
  }

  return {
    listActiveConnections: ({ query }, { linkNext }) => {
      const { limit = Number.POSITIVE_INFINITY, cursor = '0', ...filters } = query;
      const page: Connection[] = [];
      for (const connection of views.connections()) {
        if (connection.serial <= Number(cursor) || !passes(connection, filters)) continue;
        if (page.length === limit) {
          linkNext(nextPage(query, page.at(-1)));
          break;
        }
        page.push(connection);
      }
      return page.values().map(show);
    },

    getConnection: ({ params: { id } }) => show(find(id)),

    kickConnection: async ({ params: { id }, body }, { identity, requestId }) => {
      const { reason, banSeconds } = body ?? {};
      const by = identity.userId;
      await exclusion.kick(find(id), { by: 'admin', byUserId: by, reason, banSeconds });
      audit({ type: 'admin.kicked', by, requestId, target: id, reason, affected: 1 });
      return { success: true, message: 'Client disconnected' };
    },
  } satisfies OperationHandlersOf<'connections', Caller>;
}

type Query = OperationRequest<'listActiveConnections'>['query'];

function passes(connection: Connection, { roomId, userId, channel, status }: Query): boolean {
  return (
    (roomId === undefined || connection.roomId === roomId) &&
    (userId === undefined || connection.identity.userId === userId) &&
    (channel === undefined || connection.channel === channel) &&
    (status === undefined || connection.connectionStatus === status)
  );
}

function nextPage(query: Query, last: Connection | undefined): string {
  const entries = Object.entries({ ...query, cursor: last?.serial ?? 0 });
  const search = new URLSearchParams(entries.map(([name, value]) => [name, String(value)]));
  return `${routes.listActiveConnections.path}?${search}`;
}
