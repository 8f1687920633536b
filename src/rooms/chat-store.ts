import { type Channel, type ChatEntry, type ChatPage, frameLimits } from '../../generated/messages.ts';
import type { Place } from './connection.ts';
import type { Announcement } from './hub.ts';
import type { Ready } from './ready.ts';

/** A message as the history keeps it. */
export interface StoredMessage {
  /** Its `messageId` sorts by the order in which messages were kept and told. */
  readonly entry: ChatEntry;
  /** The users who may see a private message, its sender among them; `undefined`: everybody. */
  readonly readers: ReadonlySet<string> | undefined;
  /** Epoch milliseconds. */
  readonly sentAt: number;
}

/** What a message is known by, which its sender is answered. */
export type Kept = Pick<ChatEntry, 'messageId' | 'sentAt'>;

/** How much is kept of each channel of a room. */
export interface HistoryBounds {
  readonly maxMessages: number;
  readonly maxAgeMs: number;
}

/** Which part of the history: after one message, or before one, or the newest. */
export interface PageRequest {
  readonly before?: string;
  readonly after?: string;
  readonly limit: number;
}

/**
 * What was said in each channel of each room: in this process, or on all nodes. Outlives the room that it was said in.
 *
 * Every store passes `test/rooms/chat-store-suite.ts` and promises:
 * - Once `append` has answered, the message is in the history on every node, until a bound or a call takes it out.
 * - What changes is told with it: the members on this node have been told of it when a call answers, those on others hear
 *   of all changes in one order, the same on each node. What a call does not change is not told.
 * - In each channel the order of ids is the order in which messages were kept, and told, on each node, whatever the
 *   clocks say by which ids are made: a store changes one that does not come after all that it has kept, also after those
 *   that have been forgotten. An id that has been forgotten still says where it was.
 * - A private message exists only for its readers.
 * - Nothing is kept beyond its bounds; of rooms that have fallen silent nothing is left in the end.
 *
 * A store that does no I/O answers without a promise; one that cannot be reached rejects, and may have made the change
 * all the same: then it is told, perhaps later.
 */
export interface ChatStore {
  /**
   * Answers what is kept, perhaps by another id than the one in the entry, but of the same mark; so it is told. Of a
   * message that was tried before, and is there, what was kept then.
   *
   * @param tried the ids that were proposed for the same message, which may be there already
   */
  append(place: Place, message: StoredMessage, news?: Announcement, tried?: readonly string[]): Ready<Kept>;
  /** The message, if there is one that this user may see. */
  get(place: Place, messageId: string, userId: string): Ready<StoredMessage | undefined>;
  /** Puts an entry in the place of the one with its id; `false` if that has gone meanwhile, and then it stays so. */
  replace(place: Place, entry: ChatEntry, news?: Announcement): Ready<boolean>;
  /** Takes a message out; `false` if it has gone. Of more calls at once one is told `true`. */
  remove(place: Place, messageId: string, news?: Announcement): Ready<boolean>;
  /** Forgets what was said in a room, or in one channel of it. */
  clear(roomId: string, channel?: Channel): Ready<void>;
  /** A page for one user, oldest message first, cut where it would be too long for a frame. */
  page(place: Place, userId: string, request: PageRequest): Ready<ChatPage>;
}

/**
 * Makes a page of what there is for a user in the direction that was asked for.
 *
 * @param entries the nearest first; of more than the page holds, one more is enough
 */
export function cutPage(entries: readonly ChatEntry[], { after, limit }: PageRequest): ChatPage {
  let bytes = 0;
  const messages: ChatEntry[] = [];
  for (const entry of entries.slice(0, limit)) {
    bytes += Buffer.byteLength(JSON.stringify(entry));
    if (bytes > frameLimits.maxPageBytes && messages.length > 0) break;
    messages.push(entry);
  }
  const more = messages.length < entries.length;
  return { messages: after === undefined ? messages.reverse() : messages, more };
}
