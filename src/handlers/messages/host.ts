import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Moderation } from '../../rooms/moderation.ts';
import { done } from '../../rooms/ready.ts';

/** Who is host. */
export function hostHandlers(moderation: Moderation) {
  return {
    'host.transfer': (sender, { to }) => done(moderation.transferHost(sender, to)),
    'host.grant': (sender, { to }) => done(moderation.grantHost(sender, to)),
    'host.revoke': (sender, { to }) => done(moderation.revokeHost(sender, to)),
  } satisfies MessageHandlersOf<'host', Connection>;
}
