import type { MessageHandlers } from '../../../generated/messages.ts';
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
  const handlers: MessageHandlers<Connection> = {
    ...sessionHandlers(membership, verify, now),
    ...presenceHandlers(hub),
    ...signalHandlers(hub),
    ...chatHandlers(hub, now),
  };
  return Object.setPrototypeOf(handlers, null);
}
