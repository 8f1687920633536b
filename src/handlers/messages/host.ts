import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Moderation } from '../../rooms/moderation.ts';

/** Who is host. */
export function hostHandlers(moderation: Moderation) {
  return {
    'host.transfer': (sender, { to }) => {
      moderation.transferHost(sender, to);
    },
    'host.grant': (sender, { to }) => {
      moderation.grantHost(sender, to);
    },
    'host.revoke': (sender, { to }) => {
      moderation.revokeHost(sender, to);
    },
  } satisfies MessageHandlersOf<'host', Connection>;
}
