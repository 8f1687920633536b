import { v7 as uuidv7 } from 'uuid';
import type { MessageHandlersOf } from '../../../generated/messages.ts';
import { type Connection, timestamp } from '../../rooms/connection.ts';
import type { Hub } from '../../rooms/hub.ts';

/** Chat, to the whole channel or in private. */
export function chatHandlers(hub: Hub, now: () => number) {
  return {
    'chat.send': (sender, { to, ...said }) => {
      const sent = { messageId: uuidv7(), sentAt: timestamp(now()) };
      const { userId, presenterName } = sender.identity;
      // Looked up before anything is sent: one unknown addressee refuses the whole message.
      const only = to && new Set([...to.map((clientId) => hub.member(sender, clientId)), sender]);
      hub.announce(
        sender,
        'chat.message',
        { ...sent, ...said, userId, presenterName, private: only !== undefined },
        { from: sender.clientId, ...(only && { only }) },
      );
      return sent;
    },
  } satisfies MessageHandlersOf<'chat', Connection>;
}
