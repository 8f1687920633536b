import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Moderation } from '../../rooms/moderation.ts';
import { done } from '../../rooms/ready.ts';

/** Who is let in. */
export function waitingHandlers(moderation: Moderation) {
  return {
    'waiting.decide': (sender, decision) => done(moderation.decide(sender, decision)),
  } satisfies MessageHandlersOf<'waiting', Connection>;
}
