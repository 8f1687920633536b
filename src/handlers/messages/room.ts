import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Closing } from '../../rooms/closing.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Moderation } from '../../rooms/moderation.ts';
import { done } from '../../rooms/ready.ts';

/** What a host does to its channel of the room. */
export function roomHandlers(closing: Closing, moderation: Moderation) {
  return {
    'room.update': (sender, change) => done(moderation.update(sender, change)),
    'room.close': (sender, { reason }) => {
      const closed = { by: 'host', ...(reason !== undefined && { reason }) } as const;
      return done(closing.closeRoom(sender.roomId, sender.channel, closed, sender));
    },
  } satisfies MessageHandlersOf<'room', Connection>;
}
