import type { ClientReplies, ExactHandlers, MessageHandlers } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Hub } from '../../rooms/hub.ts';
import type { Identity } from '../../rooms/identity.ts';
import type { Membership } from '../../rooms/membership.ts';
import { chatHandlers } from './chat.ts';
import { presenceHandlers } from './presence.ts';
import { sessionHandlers } from './session.ts';
import { signalHandlers } from './signal.ts';

/** The handler of every client message. The table has no prototype: a message cannot be called `constructor`. */
export function messageHandlers(
  hub: Hub,
  membership: Membership,
  verify: (token: string) => Promise<Identity>,
  now: () => number,
): MessageHandlers<Connection> {
  const handlers = {
    ...sessionHandlers(membership, verify, now),
    ...presenceHandlers(hub),
    ...signalHandlers(hub),
    ...chatHandlers(hub, now),
  };
  // What the parts return is looked at once more: a reply with a property too many does not compile.
  const exact: MessageHandlers<Connection> = handlers satisfies ExactHandlers<typeof handlers, ClientReplies>;
  return Object.setPrototypeOf(exact, null);
}
