import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { type Channel, channels } from '../../../generated/messages.ts';
import type { OperationHandlersOf } from '../../../generated/operations.ts';
import type { Closing } from '../../rooms/closing.ts';
import { type Connection, timestamp, toRestConnection } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Report } from '../../rooms/events.ts';
import type { Hub } from '../../rooms/hub.ts';
import type { IdempotencyKeys } from '../../rooms/idempotency-keys.ts';
import type { Views } from '../../rooms/views.ts';
import type { AdminAction, Caller } from './caller.ts';

/** Everybody in a room at once. Lists hold what was there when they began; a room that ended meanwhile is left out. */
export function roomOperations(
  views: Views,
  hub: Hub,
  closing: Closing,
  idempotency: IdempotencyKeys,
  audit: Report<AdminAction>,
  now: () => number,
) {
  const summary = (roomId: string) => {
    const count = (channel: Channel) => views.count({ roomId, channel });
    const counts = { zoom: count('zoom'), screenshare: count('screenshare'), chat: count('chat') };
    return { roomId, connectionCount: counts.zoom + counts.screenshare + counts.chat, channels: counts };
  };

  return {
    listRooms: () => {
      const rooms = views.roomIds().values().map(summary);
      return rooms.filter(({ connectionCount }) => connectionCount > 0); // the last may go before the turn of the room
    },

    getRoom: ({ params: { roomId } }) => {
      checkRoom(views, roomId, undefined);
      const members = channels.flatMap((channel) => views.everybody({ roomId, channel }));
      const show = (connection: Connection) => toRestConnection(connection, views.isHost(connection));
      return { ...summary(roomId), connections: members.values().map(show) };
    },

    broadcastToRoom: ({ params: { roomId }, query: { channel }, headers, body }, { identity, requestId }) => {
      const request = fingerprint([roomId, channel, body.message]);
      return idempotency.once(identity.subjectKey, headers['idempotency-key'], request, () => {
        checkRoom(views, roomId, channel);
        const notice = {
          noticeId: uuidv7(),
          message: body.message,
          sentAt: timestamp(now()),
        };
        const delivered = hub.broadcast(roomId, channel, notice);
        const by = identity.userId;
        audit({ type: 'admin.broadcast', by, requestId, target: roomId, channel, affected: delivered });
        return { success: true, message: `Message broadcast to ${delivered} clients`, delivered };
      });
    },

    closeRoom: async ({ params: { roomId }, query: { channel } }, { identity, requestId }) => {
      checkRoom(views, roomId, channel);
      const disconnected = await closing.closeRoom(roomId, channel, { by: 'admin' });
      const by = identity.userId;
      audit({ type: 'admin.closed', by, requestId, target: roomId, channel, affected: disconnected });
      return {
        success: true,
        message: `Room ${roomId} closed, ${disconnected} clients disconnected`,
        disconnected,
      };
    },
  } satisfies OperationHandlersOf<'rooms', Caller>;
}

/** Says whether two requests are the same, in less memory than the requests. */
function fingerprint(request: unknown): string {
  return createHash('sha256').update(JSON.stringify(request)).digest('base64url');
}

function checkRoom(views: Views, roomId: string, channel: Channel | undefined): void {
  if (views.hasRoom(roomId, channel)) return;
  const where = channel === undefined ? 'the room' : `the ${channel} channel of the room`;
  throw new SignalboxError('room_not_found', `Nobody is in ${where} ${roomId}.`);
}
