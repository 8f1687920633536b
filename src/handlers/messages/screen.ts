import { v7 as uuidv7 } from 'uuid';
import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Moderation } from '../../rooms/moderation.ts';

/** Sharing screens. */
export function screenHandlers(moderation: Moderation) {
  return {
    'screen.start': (sender, about) => {
      const shareId = uuidv7();
      moderation.startShare(sender, { shareId, clientId: sender.clientId, ...about });
      return { shareId };
    },
    'screen.stop': (sender, { shareId }) => {
      moderation.stopShare(sender, shareId);
    },
  } satisfies MessageHandlersOf<'screen', Connection>;
}
