import { v7 as uuidv7 } from 'uuid';
import type { ChatEntry, MessageHandlersOf } from '../../../generated/messages.ts';
import type { LocalChatStore, StoredMessage } from '../../rooms/chat.ts';
import { type Connection, timestamp } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Hub } from '../../rooms/hub.ts';
import type { Views } from '../../rooms/views.ts';

const defaultPageSize = 50;

/** Chat, to the whole channel or in private, and its history. */
export function chatHandlers(views: Views, hub: Hub, history: LocalChatStore, now: () => number) {
  /** Who has a message, and can be told of what becomes of it. */
  function readersOf(place: Connection, { readers }: StoredMessage): { only?: Connection[] } {
    if (readers === undefined) return {};
    return { only: views.members(place).filter(({ identity }) => readers.has(identity.userId)) };
  }

  return {
    'chat.send': (sender, { to, ...said }) => {
      const sentAt = now();
      const sent = { messageId: uuidv7(), sentAt: timestamp(sentAt) };
      // Looked up before anything is sent: one unknown addressee refuses the whole message.
      const only = to && new Set([...to.map((clientId) => hub.member(sender, clientId)), sender]);
      const { userId, presenterName } = sender.identity;
      const message = { ...sent, ...said, userId, presenterName, private: only !== undefined };
      const readers = only && new Set(Array.from(only, ({ identity }) => identity.userId));
      history.append(sender, { entry: { ...message, from: sender.clientId }, readers, sentAt });
      hub.announce(sender, 'chat.message', message, { from: sender.clientId, ...(only && { only }) });
      return sent;
    },

    'chat.edit': (sender, { messageId, text }) => {
      const message = history.get(sender, messageId, sender.identity.userId);
      if (message.entry.userId !== sender.identity.userId) {
        throw new SignalboxError('not_allowed', 'Only its author may edit a message.');
      }
      const edited = { messageId, text, editedAt: timestamp(now()) };
      const entry: ChatEntry = { ...message.entry, ...edited };
      history.replace(sender, message, entry);
      hub.announce(sender, 'chat.edited', edited, { from: sender.clientId, ...readersOf(sender, message) });
    },

    'chat.delete': (sender, { messageId }) => {
      const message = history.get(sender, messageId, sender.identity.userId);
      if (message.entry.userId !== sender.identity.userId && !views.isHost(sender)) {
        throw new SignalboxError('not_allowed', 'Only its author, or a host, may delete a message.');
      }
      history.remove(sender, message);
      hub.announce(
        sender,
        'chat.deleted',
        { messageId },
        { from: sender.clientId, ...readersOf(sender, message) },
      );
    },

    'chat.typing': (sender, { state }) => {
      hub.announce(sender, 'chat.typing', { state }, { from: sender.clientId, except: sender });
    },

    'chat.history': (sender, { limit = defaultPageSize, ...range }) =>
      history.page(sender, sender.identity.userId, { limit, ...range }),
  } satisfies MessageHandlersOf<'chat', Connection>;
}
