import { v7 as uuidv7 } from 'uuid';
import type { MessageHandlersOf, ServerPayloads } from '../../../generated/messages.ts';
import type { ChatStore, StoredMessage } from '../../rooms/chat-store.ts';
import { type Connection, timestamp } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Hub } from '../../rooms/hub.ts';
import { whenReady } from '../../rooms/ready.ts';
import type { Views } from '../../rooms/views.ts';

const defaultPageSize = 50;

/** Chat, to the whole channel or in private, and its history. */
export function chatHandlers(views: Views, hub: Hub, history: ChatStore, now: () => number) {
  /** Tells those who have a message what becomes of it. */
  function tellReaders<T extends 'chat.edited' | 'chat.deleted'>(
    sender: Connection,
    { readers }: StoredMessage,
    type: T,
    payload: ServerPayloads[T],
  ): undefined {
    const only = readers && views.members(sender).filter(({ identity }) => readers.has(identity.userId));
    hub.announce(sender, type, payload, { from: sender.clientId, ...(only && { only }) });
  }

  return {
    'chat.send': (sender, { to, ...said }) => {
      const sentAt = now();
      const sent = { messageId: uuidv7(), sentAt: timestamp(sentAt) };
      // Looked up before anything is sent: one unknown addressee refuses the whole message.
      const only = to && new Set([...to.map((clientId) => views.member(sender, clientId)), sender]);
      const { userId, presenterName } = sender.identity;
      const message = { ...sent, ...said, userId, presenterName, private: only !== undefined };
      const readers = only && new Set(Array.from(only, ({ identity }) => identity.userId));
      const entry = { ...message, from: sender.clientId };
      const audience = { from: sender.clientId, ...(only && { only }) };
      const { tellHere, elsewhere } = hub.compose(sender, 'chat.message', message, audience);
      return whenReady(history.append(sender, { entry, readers, sentAt }, elsewhere), () => {
        // Who was put out in the meantime is none of those who are there: then nobody reads it later either.
        if (views.connection(sender.clientId) === undefined) {
          return whenReady(history.remove(sender, sent.messageId), notThere);
        }
        tellHere();
        return sent;
      });
    },

    'chat.edit': (sender, { messageId, text }) => {
      const { userId } = sender.identity;
      return whenReady(history.get(sender, messageId, userId), (message = notFound(messageId)) => {
        if (message.entry.userId !== userId) {
          throw new SignalboxError('not_allowed', 'Only its author may edit a message.');
        }
        const edited = { messageId, text, editedAt: timestamp(now()) };
        return whenReady(history.replace(sender, { ...message.entry, ...edited }), (isThere) =>
          isThere ? tellReaders(sender, message, 'chat.edited', edited) : notFound(messageId),
        );
      });
    },

    'chat.delete': (sender, { messageId }) => {
      const { userId } = sender.identity;
      return whenReady(history.get(sender, messageId, userId), (message = notFound(messageId)) => {
        if (message.entry.userId !== userId && !views.isHost(sender)) {
          throw new SignalboxError('not_allowed', 'Only its author, or a host, may delete a message.');
        }
        return whenReady(history.remove(sender, messageId), (isThere) =>
          isThere ? tellReaders(sender, message, 'chat.deleted', { messageId }) : notFound(messageId),
        );
      });
    },

    'chat.typing': (sender, { state }) => {
      hub.announce(sender, 'chat.typing', { state }, { from: sender.clientId, except: sender });
    },

    'chat.history': (sender, { limit = defaultPageSize, ...range }) =>
      history.page(sender, sender.identity.userId, { limit, ...range }),
  } satisfies MessageHandlersOf<'chat', Connection>;
}

/** An answer that nobody reads. */
function notThere(): never {
  throw new SignalboxError('not_allowed', 'Who is no member any more says nothing.');
}

/** One answer for a message that is not there, and for one that is not for this user: it tells nothing apart. */
function notFound(messageId: string): never {
  throw new SignalboxError('message_not_found', `No message here has the id ${messageId}.`);
}
