import { type OperationHandlersOf, type OperationRequest, routes } from '../../../generated/operations.ts';
import { placesOf } from '../../rooms/connection.ts';
import type { Directory, RestConnection } from '../../rooms/directory.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Report } from '../../rooms/events.ts';
import type { Exclusion } from '../../rooms/exclusion.ts';
import type { RoomStore } from '../../rooms/room-store.ts';
import type { Views } from '../../rooms/views.ts';
import type { AdminAction, Caller } from './caller.ts';

/**
 * Live connections, one by one.
 *
 * The list holds who was there when it began, each once, as each is when its turn comes to be written. Who comes
 * meanwhile is not in it, and who goes meanwhile may be.
 */
export function connectionOperations(
  directory: Directory,
  rooms: RoomStore,
  views: Views,
  exclusion: Exclusion,
  audit: Report<AdminAction>,
) {
  async function find(id: string): Promise<RestConnection> {
    return (await directory.find(id)) ?? notFound(id);
  }

  return {
    listActiveConnections: async ({ query }, { linkNext, partial }) => {
      const { limit = Number.POSITIVE_INFINITY, cursor = '0', ...asked } = query;
      const [after = '', afterId] = cursor.split('-', 2);
      const page = await directory.page({ ...asked, after: Number(after), afterId, limit });
      if (page.next !== undefined) linkNext(nextPage(query, [page.next, page.nextId]));
      if (!page.isComplete) partial();
      return page.connections;
    },

    getConnection: ({ params: { id } }) => find(id),

    kickConnection: async ({ params: { id }, body }, { identity, requestId }) => {
      const { reason, banSeconds } = body ?? {};
      const by = identity.userId;
      const { roomId } = await find(id);
      const kick = { by: 'admin', byUserId: by, reason, banSeconds } as const;
      // A ban puts out the user's sessions in all channels.
      const isKicked = await rooms.hold(placesOf(roomId), () =>
        exclusion.kick(views.connection(id) ?? notFound(id), kick),
      );
      if (!isKicked && banSeconds === undefined) notFound(id); // somebody else was first
      audit({ type: 'admin.kicked', by, requestId, target: id, reason, affected: 1 });
      return { success: true, message: 'Client disconnected' };
    },
  } satisfies OperationHandlersOf<'connections', Caller>;
}

type Query = OperationRequest<'listActiveConnections'>['query'];

function notFound(id: string): never {
  throw new SignalboxError('connection_not_found', `No connection has the id ${id}.`);
}

function nextPage(query: Query, end: readonly [serial: number, clientId: string | undefined]): string {
  const cursor = end.filter((part) => part !== undefined).join('-');
  const entries = Object.entries({ ...query, cursor });
  const search = new URLSearchParams(entries.map(([name, value]) => [name, String(value)]));
  return `${routes.listActiveConnections.path}?${search}`;
}
