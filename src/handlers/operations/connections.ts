import type { OperationHandlersOf } from '../../../generated/operations.ts';
import { toRestConnection } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Report } from '../../rooms/events.ts';
import type { Hub } from '../../rooms/hub.ts';
import type { Membership } from '../../rooms/membership.ts';
import type { AdminAction, Caller } from './caller.ts';

/** Live connections, one by one. */
export function connectionOperations(hub: Hub, membership: Membership, audit: Report<AdminAction>) {
  return {
    listActiveConnections: () =>
      Array.from(hub.connections(), (connection) => toRestConnection(connection, hub.isHost(connection))),

    kickConnection: ({ params: { id }, body }, { identity, requestId }) => {
      const reason = body?.reason;
      const kicked = membership.kick(id, { by: 'admin', ...(reason !== undefined && { reason }) });
      if (kicked === undefined) {
        throw new SignalboxError('connection_not_found', `No connection has the id ${id}.`);
      }
      audit({ type: 'admin.kicked', by: identity.userId, requestId, target: id, reason, affected: 1 });
      return { success: true, message: 'Client disconnected' };
    },
  } satisfies OperationHandlersOf<'connections', Caller>;
}
