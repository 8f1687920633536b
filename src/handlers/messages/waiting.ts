import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Moderation } from '../../rooms/moderation.ts';

/** Who is let in. */
export function waitingHandlers(moderation: Moderation) {
  return {
    'waiting.decide': (sender, decision) => {
      moderation.decide(sender, decision);
    },
  } satisfies MessageHandlersOf<'waiting', Connection>;
}
