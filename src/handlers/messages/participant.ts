import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Moderation } from '../../rooms/moderation.ts';
import { done } from '../../rooms/ready.ts';

/** What a host does to one participant. */
export function participantHandlers(moderation: Moderation) {
  return {
    'participant.kick': (sender, { clientId, reason, banSeconds }) =>
      done(moderation.kick(sender, clientId, reason, banSeconds)),
  } satisfies MessageHandlersOf<'participant', Connection>;
}
