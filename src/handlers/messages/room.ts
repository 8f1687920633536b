import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Membership } from '../../rooms/membership.ts';
import type { Moderation } from '../../rooms/moderation.ts';

/** What a host does to its channel of the room. */
export function roomHandlers(membership: Membership, moderation: Moderation) {
  return {
    'room.update': (sender, { locked }) => {
      moderation.lock(sender, locked);
    },
    'room.close': (sender, { reason }) => {
      const closed = { by: 'host', ...(reason !== undefined && { reason }) } as const;
      membership.closeRoom(sender.roomId, sender.channel, closed, sender);
    },
  } satisfies MessageHandlersOf<'room', Connection>;
}
