import { type Channel, type ChatEntry, type ChatPage, channels } from '../../generated/messages.ts';
import {
  type ChatStore,
  cutPage,
  type HistoryBounds,
  type Kept,
  type PageRequest,
  type StoredMessage,
} from './chat-store.ts';
import type { Place } from './connection.ts';
import type { Announcement } from './hub.ts';
import { idAfter, renamed } from './message-id.ts';
import { placeKey } from './room-store.ts';

/** How much one process keeps. */
export interface LocalHistoryBounds extends HistoryBounds {
  /** Of all rooms together; the rooms that have been silent longest are forgotten first. */
  readonly maxTotal: number;
}

/** What was said in each channel of each room, in this process. */
export class LocalChatStore implements ChatStore {
  /** Oldest message first; the room that was spoken in last comes last, since each message re-inserts it. */
  readonly #rooms = new Map<string, StoredMessage[]>();
  readonly #bounds: LocalHistoryBounds;
  readonly #now: () => number;
  #total = 0;
  /** Of all rooms: so nothing is to be remembered of each. */
  #newestId = '';

  constructor(bounds: LocalHistoryBounds, now: () => number) {
    this.#bounds = bounds;
    this.#now = now;
  }

  append(place: Place, message: StoredMessage, news?: Announcement): Kept {
    const key = placeKey(place);
    const messages = this.#rooms.get(key) ?? [];
    const messageId = idAfter(this.#newestId, message.entry.messageId);
    this.#newestId = messageId;
    const isRenamed = messageId !== message.entry.messageId;
    messages.push(isRenamed ? { ...message, entry: { ...message.entry, messageId } } : message);
    this.#total += 1;
    this.#rooms.delete(key);
    this.#rooms.set(key, messages);
    this.#trim(messages);
    this.#forget();
    news?.tellHere(isRenamed ? renamed(news.message.frame, messageId) : undefined);
    return { messageId, sentAt: message.entry.sentAt };
  }

  get(place: Place, messageId: string, userId: string): StoredMessage | undefined {
    const found = this.#of(place).find(({ entry }) => entry.messageId === messageId);
    return found && mayRead(found, userId) ? found : undefined;
  }

  replace(place: Place, entry: ChatEntry, news?: Announcement): boolean {
    const messages = this.#of(place);
    const index = messages.findIndex((message) => message.entry.messageId === entry.messageId);
    const old = messages[index];
    if (old === undefined) return false;
    messages[index] = { ...old, entry };
    news?.tellHere();
    return true;
  }

  remove(place: Place, messageId: string, news?: Announcement): boolean {
    const messages = this.#of(place);
    const index = messages.findIndex(({ entry }) => entry.messageId === messageId);
    if (index < 0) return false;
    messages.splice(index, 1);
    this.#total -= 1;
    if (messages.length === 0) this.#rooms.delete(placeKey(place));
    news?.tellHere();
    return true;
  }

  clear(roomId: string, only?: Channel): void {
    for (const channel of only ? [only] : channels) {
      this.#total -= this.#of({ roomId, channel }).length;
      this.#rooms.delete(placeKey({ roomId, channel }));
    }
  }

  page(place: Place, userId: string, request: PageRequest): ChatPage {
    const { before, after } = request;
    const visible = this.#of(place)
      .filter((message) => mayRead(message, userId))
      .map(({ entry }) => entry)
      .filter(
        ({ messageId }) =>
          (before === undefined || messageId < before) && (after === undefined || messageId > after),
      );
    return cutPage(after === undefined ? visible.reverse() : visible, request);
  }

  #of(place: Place): StoredMessage[] {
    const messages = this.#rooms.get(placeKey(place)) ?? [];
    this.#trim(messages);
    return messages;
  }

  #trim(messages: StoredMessage[]): void {
    const { maxMessages, maxAgeMs } = this.#bounds;
    const oldest = this.#now() - maxAgeMs;
    const fresh = messages.findIndex(({ sentAt }) => sentAt > oldest);
    const stale = Math.max(fresh < 0 ? messages.length : fresh, messages.length - maxMessages);
    if (stale === 0) return;
    if (stale === 1)
      messages.shift(); // of a full history, with each message that comes: much cheaper than a splice
    else messages.splice(0, stale);
    this.#total -= stale;
  }

  /** Looks at the rooms that were silent longest, so that the work of each message is bounded. */
  #forget(): void {
    for (const [key, messages] of this.#rooms) {
      this.#trim(messages);
      if (messages.length > 0 && this.#total <= this.#bounds.maxTotal) return;
      this.#total -= messages.length;
      this.#rooms.delete(key);
    }
  }
}

function mayRead({ readers }: StoredMessage, userId: string): boolean {
  return readers?.has(userId) ?? true;
}
