import { v7 as uuidv7 } from 'uuid';
import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Moderation } from '../../rooms/moderation.ts';
import { done, whenReady } from '../../rooms/ready.ts';

/** Sharing screens. */
export function screenHandlers(moderation: Moderation) {
  return {
    'screen.start': (sender, about) => {
      const shareId = uuidv7();
      const started = moderation.startShare(sender, { shareId, clientId: sender.clientId, ...about });
      return whenReady(started, () => ({ shareId }));
    },
    'screen.stop': (sender, { shareId }) => done(moderation.stopShare(sender, shareId)),
  } satisfies MessageHandlersOf<'screen', Connection>;
}
