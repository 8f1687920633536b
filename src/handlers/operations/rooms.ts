import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { Channel } from '../../../generated/messages.ts';
import type { OperationHandlersOf } from '../../../generated/operations.ts';
import type { Closing } from '../../rooms/closing.ts';
import { type Connection, placesOf, timestamp, toRestConnection } from '../../rooms/connection.ts';
import type { Directory, RoomCount } from '../../rooms/directory.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Report } from '../../rooms/events.ts';
import type { Hub } from '../../rooms/hub.ts';
import type { IdempotencyKeys } from '../../rooms/idempotency-keys.ts';
import type { RoomStore } from '../../rooms/room-store.ts';
import type { Views } from '../../rooms/views.ts';
import type { AdminAction, Caller } from './caller.ts';

/** Everybody in a room at once. Lists hold what was there when they began; a room that ended meanwhile is left out. */
export function roomOperations(
  directory: Directory,
  rooms: RoomStore,
  views: Views,
  hub: Hub,
  closing: Closing,
  idempotency: IdempotencyKeys,
  audit: Report<AdminAction>,
  now: () => number,
) {
  const summary = ({ roomId, counts }: RoomCount) => {
    const { zoom, screenshare, chat } = counts;
    return { roomId, connectionCount: zoom + screenshare + chat, channels: { zoom, screenshare, chat } };
  };

  return {
    listRooms: async (_request, { partial }) => {
      const listed = await directory.rooms();
      if (!listed.isComplete) partial();
      // The last may go before the turn of the room.
      return Iterator.from(listed.rooms)
        .map(summary)
        .filter(({ connectionCount }) => connectionCount > 0);
    },

    getRoom: ({ params: { roomId } }) =>
      rooms.hold(placesOf(roomId), () => {
        checkRoom(views, roomId, undefined);
        const members = placesOf(roomId).flatMap((place) => views.everybody(place));
        const count = (channel: Channel) => views.count({ roomId, channel });
        const counts = { zoom: count('zoom'), screenshare: count('screenshare'), chat: count('chat') };
        // As they are now: where the room is another node's, this one forgets it again.
        const hosts = new Set(placesOf(roomId).flatMap((place) => views.room(place).hosts));
        const show = (connection: Connection) => toRestConnection(connection, hosts.has(connection.clientId));
        return { ...summary({ roomId, counts }), connections: members.values().map(show) };
      }),

    broadcastToRoom: ({ params: { roomId }, query: { channel }, headers, body }, { identity, requestId }) => {
      const request = fingerprint([roomId, channel, body.message]);
      return idempotency.once(identity.subjectKey, headers['idempotency-key'], request, () =>
        rooms.hold(placesOf(roomId, channel), () => {
          checkRoom(views, roomId, channel);
          const notice = { noticeId: uuidv7(), message: body.message, sentAt: timestamp(now()) };
          const delivered = hub.broadcast(roomId, channel, notice);
          const by = identity.userId;
          audit({ type: 'admin.broadcast', by, requestId, target: roomId, channel, affected: delivered });
          return { success: true, message: `Message broadcast to ${delivered} clients`, delivered };
        }),
      );
    },

    closeRoom: async ({ params: { roomId }, query: { channel } }, { identity, requestId }) => {
      const disconnected = await rooms.hold(placesOf(roomId, channel), () => {
        checkRoom(views, roomId, channel);
        return closing.closeRoom(roomId, channel, { by: 'admin' });
      });
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
