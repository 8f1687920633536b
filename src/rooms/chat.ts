import { type ChatEntry, frameLimits } from '../../generated/messages.ts';
import type { Place } from './connection.ts';
import { SignalboxError } from './errors.ts';
import { placeKey } from './room-store.ts';

/** A message as the history keeps it. */
export interface StoredMessage {
  readonly entry: ChatEntry;
  /** The users who may see a private message, its sender among them; `undefined`: everybody. */
  readonly readers: ReadonlySet<string> | undefined;
  /** Epoch milliseconds. */
  readonly sentAt: number;
}

/** How much is kept: of each channel of a room, and in all. */
export interface HistoryBounds {
  readonly maxMessages: number;
  readonly maxAgeMs: number;
  /** Of all rooms together; the rooms that have been silent longest are forgotten first. */
  readonly maxTotal: number;
}

/** Which part of the history: after one message, or before one, or the newest. */
export interface PageRequest {
  readonly before?: string;
  readonly after?: string;
  readonly limit: number;
}

/** What was said in each channel of each room, in this process. Outlives the room that it was said in. */
export class LocalChatStore {
  /** Oldest message first; the room that was spoken in last comes last, since each message re-inserts it. */
  readonly #rooms = new Map<string, StoredMessage[]>();
  readonly #bounds: HistoryBounds;
  readonly #now: () => number;
  #total = 0;

  constructor(bounds: HistoryBounds, now: () => number) {
    this.#bounds = bounds;
    this.#now = now;
  }

  append(place: Place, message: StoredMessage): void {
    const key = placeKey(place);
    const messages = this.#rooms.get(key) ?? [];
    messages.push(message);
    this.#total += 1;
    this.#rooms.delete(key);
    this.#rooms.set(key, messages);
    this.#trim(messages);
    this.#forget();
  }

  /** The message, if this user may see it; else `message_not_found`, which tells neither case from the other. */
  get(place: Place, messageId: string, userId: string): StoredMessage {
    const found = this.#of(place).find(({ entry }) => entry.messageId === messageId);
    if (found === undefined || !mayRead(found, userId)) {
      throw new SignalboxError('message_not_found', `No message here has the id ${messageId}.`);
    }
    return found;
  }

  replace(place: Place, old: StoredMessage, entry: ChatEntry): void {
    const messages = this.#of(place);
    const index = messages.indexOf(old);
    if (index >= 0) messages[index] = { ...old, entry };
  }

  remove(place: Place, message: StoredMessage): void {
    const messages = this.#of(place);
    const index = messages.indexOf(message);
    if (index < 0) return;
    messages.splice(index, 1);
    this.#total -= 1;
    if (messages.length === 0) this.#rooms.delete(placeKey(place));
  }

  /** Forgets what was said in a channel of a room. */
  clear(place: Place): void {
    this.#total -= this.#of(place).length;
    this.#rooms.delete(placeKey(place));
  }

  /** A page for one user, oldest message first, cut where it would be too long for a frame. */
  page(
    place: Place,
    userId: string,
    { before, after, limit }: PageRequest,
  ): { messages: ChatEntry[]; more: boolean } {
    const visible = this.#of(place)
      .filter((message) => mayRead(message, userId))
      .map(({ entry }) => entry)
      // Ids sort by time, so one that has been forgotten still says where it was.
      .filter(
        ({ messageId }) =>
          (before === undefined || messageId < before) && (after === undefined || messageId > after),
      );
    const forwards = after !== undefined;
    const messages = fitting(forwards ? visible : visible.toReversed(), limit);
    const more = messages.length < visible.length;
    return { messages: forwards ? messages : messages.reverse(), more };
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
    messages.splice(0, stale);
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

function fitting(entries: readonly ChatEntry[], limit: number): ChatEntry[] {
  let bytes = 0;
  const page: ChatEntry[] = [];
  for (const entry of entries.slice(0, limit)) {
    bytes += Buffer.byteLength(JSON.stringify(entry));
    if (bytes > frameLimits.maxPageBytes && page.length > 0) break;
    page.push(entry);
  }
  return page;
}
