import { v7 as uuidv7 } from 'uuid';
import type { MessageHandlersOf, ServerPayloads } from '../../../generated/messages.ts';
import { attemptsOf } from '../../rooms/attempts.ts';
import type { ChatStore, StoredMessage } from '../../rooms/chat-store.ts';
import { type Connection, timestamp } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Frame, Source } from '../../rooms/frame.ts';
import type { Announcement, Hub } from '../../rooms/hub.ts';
import { markOf } from '../../rooms/message-id.ts';
import { whenReady } from '../../rooms/ready.ts';
import type { Views } from '../../rooms/views.ts';

const defaultPageSize = 50;

/**
 * Chat, to the whole channel or in private, and its history.
 *
 * @param newId proposes the id of a message: a UUID of version 7
 */
export function chatHandlers(
  views: Views,
  hub: Hub,
  history: ChatStore,
  now: () => number,
  newId: () => string = uuidv7,
) {
  /** What those are to be told who have a message. */
  function newsFor<T extends 'chat.edited' | 'chat.deleted'>(
    sender: Connection,
    { readers }: StoredMessage,
    type: T,
    payload: ServerPayloads[T],
  ): Announcement {
    const only = readers && views.members(sender).filter(({ identity }) => readers.has(identity.userId));
    return hub.compose(sender, type, payload, { from: sender.clientId, ...(only && { only }) });
  }

  return {
    'chat.send': (sender, { to, ...said }, { id }) => {
      const sentAt = now();
      const sent = { messageId: newId(), sentAt: timestamp(sentAt) };
      // Looked up before anything is sent: one unknown addressee refuses the whole message.
      const only = to && new Set([...to.map((clientId) => views.member(sender, clientId)), sender]);
      const { userId, presenterName } = sender.identity;
      const message = { ...sent, ...said, userId, presenterName, private: only !== undefined };
      const readers = only && new Set(Array.from(only, ({ identity }) => identity.userId));
      const entry = { ...message, from: sender.clientId };
      const audience = { from: sender.clientId, ...(only && { only }) };
      const news = hub.compose(sender, 'chat.message', message, audience);
      let isTold = false;
      const tellHere = (frame?: Frame) => {
        // Who was put out in the meantime is none of those who are there.
        if (views.connection(sender.clientId) === undefined) return;
        isTold = true;
        news.tellHere(frame);
      };
      const { tried, run } = attemptsOf(sender, 'chat.send', id);
      const append = () => history.append(sender, { entry, readers, sentAt }, { ...news, tellHere }, tried);
      return whenReady(run(sent.messageId, append), (kept) => {
        if (isTold || markOf(kept.messageId) !== markOf(sent.messageId)) return kept;
        // Then nobody reads it later either.
        return whenReady(history.remove(sender, kept.messageId), notThere);
      });
    },

    'chat.edit': (sender, { messageId, text }, { id }) => {
      const { userId } = sender.identity;
      const { isDone, run } = attemptsOf(sender, 'chat.edit', id);
      return whenReady(history.get(sender, messageId, userId), (message = notFound(messageId)) => {
        if (message.entry.userId !== userId) {
          throw new SignalboxError('not_allowed', 'Only its author may edit a message.');
        }
        if (isDone(message.entry.editedAt)) return undefined;
        const edited = { messageId, text, editedAt: timestamp(now()) };
        const news = newsFor(sender, message, 'chat.edited', edited);
        const replaced = run(edited.editedAt, () =>
          history.replace(sender, { ...message.entry, ...edited }, news),
        );
        return whenReady(replaced, (isThere) => (isThere ? undefined : notFound(messageId)));
      });
    },

    'chat.delete': (sender, { messageId }, { id }) => {
      const { userId } = sender.identity;
      const { isDone, run } = attemptsOf(sender, 'chat.delete', id);
      return whenReady(history.get(sender, messageId, userId), (message) => {
        if (message === undefined) return isDone(messageId) ? undefined : notFound(messageId);
        if (message.entry.userId !== userId && !views.isHost(sender)) {
          throw new SignalboxError('not_allowed', 'Only its author, or a host, may delete a message.');
        }
        const news = newsFor(sender, message, 'chat.deleted', { messageId });
        const removed = run(messageId, () => history.remove(sender, messageId, news));
        return whenReady(removed, (isThere) => (isThere ? undefined : notFound(messageId)));
      });
    },

    'chat.typing': (sender, { state }) => {
      hub.announce(sender, 'chat.typing', { state }, { from: sender.clientId, except: sender });
    },

    'chat.history': (sender, { limit = defaultPageSize, ...range }) =>
      history.page(sender, sender.identity.userId, { limit, ...range }),
  } satisfies MessageHandlersOf<'chat', Connection, Source>;
}

/** An answer that nobody reads. */
function notThere(): never {
  throw new SignalboxError('not_allowed', 'Who is no member any more says nothing.');
}

/** One answer for a message that is not there, and for one that is not for this user: it tells nothing apart. */
function notFound(messageId: string): never {
  throw new SignalboxError('message_not_found', `No message here has the id ${messageId}.`);
}
