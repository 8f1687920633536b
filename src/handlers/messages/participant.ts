import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Moderation } from '../../rooms/moderation.ts';
import { whenReady } from '../../rooms/ready.ts';

/** What a host does to one participant. */
export function participantHandlers(moderation: Moderation) {
  return {
    'participant.kick': (sender, { clientId, reason, banSeconds }) =>
      whenReady(moderation.kick(sender, clientId, reason, banSeconds), () => undefined),
  } satisfies MessageHandlersOf<'participant', Connection>;
}
