import { v7 as uuidv7 } from 'uuid';
import type { MessageHandlersOf } from '../../../generated/messages.ts';
import { attemptsOf } from '../../rooms/attempts.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Source } from '../../rooms/frame.ts';
import type { Moderation } from '../../rooms/moderation.ts';
import { done, whenReady } from '../../rooms/ready.ts';

/** Sharing screens. */
export function screenHandlers(moderation: Moderation) {
  return {
    'screen.start': (sender, about, { id }) => {
      const { tried, run } = attemptsOf(sender, 'screen.start', id);
      const [shareId = uuidv7()] = tried;
      const share = { shareId, clientId: sender.clientId, ...about };
      const started = run(shareId, () => moderation.startShare(sender, share));
      return whenReady(started, () => ({ shareId }));
    },
    'screen.stop': (sender, { shareId }) => done(moderation.stopShare(sender, shareId)),
  } satisfies MessageHandlersOf<'screen', Connection, Source>;
}
