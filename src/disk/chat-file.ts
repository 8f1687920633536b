import type { DatabaseSync } from 'node:sqlite';
import {
  type Channel,
  type ChatEntry,
  type ChatPage,
  channels,
  frameLimits,
} from '../../generated/messages.ts';
import {
  type ChatStore,
  cutPage,
  type HistoryBounds,
  type Kept,
  type PageRequest,
  type StoredMessage,
} from '../rooms/chat-store.ts';
import type { Place } from '../rooms/connection.ts';
import { idAfter } from '../rooms/message-id.ts';
import { placeKey } from '../rooms/room-store.ts';
import { openDatabase, pageBytes } from './database.ts';

/** How much one directory keeps. */
export interface DiskHistoryBounds extends HistoryBounds {
  /** Of the file, beside a log of some megabytes; the oldest messages are forgotten first, of whichever room. */
  readonly maxBytes: number;
}

/** Old messages that are taken out with each step that changes something, so that its work is bounded. */
const forgottenAtOnce = 64;
const maxRounds = 16;
const forgottenInIdleness = 10_000;
const pagesGivenBack = 10_000;
const maxCounts = 10_000;
/** Greater than any id, in the order of its bytes. */
const afterAll = '\u{10ffff}';

interface Row {
  readonly entry: string;
  readonly readers: string | null;
  readonly sentAt: number;
}

/**
 * What was said in each channel of each room, in a file. Waits for the disk where it is called, so a server has it in a
 * thread of its own.
 */
export class ChatFile implements ChatStore {
  readonly #database: DatabaseSync;
  readonly #bounds: DiskHistoryBounds;
  readonly #now: () => number;
  /** How many messages there are in the places that were spoken in lately. */
  readonly #counts = new Map<string, number>();
  /** Of all rooms, as it is in the file; `undefined`: to be read there. */
  #newestId: string | undefined;
  readonly #sql: ReturnType<typeof prepare>;

  /** Throws as {@link openDatabase} does. */
  constructor(dir: string, bounds: DiskHistoryBounds, now: () => number) {
    this.#database = openDatabase(dir);
    this.#bounds = bounds;
    this.#now = now;
    this.#sql = prepare(this.#database);
    try {
      this.together(() => this.#narrow());
    } catch {
      // A disk that is full is none too full to read from.
    }
  }

  /** Does all of it or, where that throws, nothing: one wait for the disk. */
  together<T>(act: () => T): T {
    this.#sql.begin.run();
    try {
      const done = act();
      this.#forget();
      this.#sql.commit.run();
      return done;
    } catch (error) {
      // After some failures SQLite has done so by itself.
      if (this.#database.isTransaction) this.#sql.rollback.run();
      this.#counts.clear();
      this.#newestId = undefined;
      throw error;
    }
  }

  append(place: Place, { entry, readers, sentAt }: StoredMessage): Kept {
    const key = placeKey(place);
    const count = this.#counts.get(key) ?? Number(this.#sql.count.get(key)?.count);
    const messageId = idAfter(this.#newestId ?? String(this.#sql.newestId.get()?.id), entry.messageId);
    const names = readers ? JSON.stringify([...readers]) : null;
    this.#sql.insert.run(key, messageId, sentAt, names, JSON.stringify({ ...entry, messageId }));
    this.#sql.setNewestId.run(messageId);
    this.#newestId = messageId;
    const surplus = Math.max(0, count + 1 - this.#bounds.maxMessages);
    if (surplus > 0) this.#sql.trim.run(key, surplus);
    if (this.#counts.size >= maxCounts) this.#counts.clear(); // they are counted anew
    this.#counts.set(key, count + 1 - surplus);
    return { messageId, sentAt: entry.sentAt };
  }

  get(place: Place, messageId: string, userId: string): StoredMessage | undefined {
    const row = this.#sql.get.get(placeKey(place), messageId, this.#oldest()) as Row | undefined;
    const readers = row && readersOf(row);
    if (row === undefined || readers?.has(userId) === false) return undefined;
    return { entry: JSON.parse(row.entry), readers, sentAt: row.sentAt };
  }

  replace(place: Place, entry: ChatEntry): boolean {
    const text = JSON.stringify(entry);
    return this.#sql.replace.run(text, placeKey(place), entry.messageId, this.#oldest()).changes === 1;
  }

  remove(place: Place, messageId: string): boolean {
    const key = placeKey(place);
    this.#counts.delete(key);
    return this.#sql.remove.run(key, messageId, this.#oldest()).changes === 1;
  }

  clear(roomId: string, only?: Channel): void {
    for (const channel of only ? [only] : channels) {
      const key = placeKey({ roomId, channel });
      this.#counts.delete(key);
      this.#sql.clear.run(key);
    }
  }

  page(place: Place, userId: string, request: PageRequest): ChatPage {
    const { before = afterAll, after = '', limit } = request;
    const sql = request.after === undefined ? this.#sql.newest : this.#sql.following;
    const entries: ChatEntry[] = [];
    let bytes = 0;
    for (const found of sql.iterate(placeKey(place), before, after, this.#oldest())) {
      const row = found as unknown as Row;
      if (readersOf(row)?.has(userId) === false) continue;
      entries.push(JSON.parse(row.entry));
      bytes += row.entry.length;
      if (entries.length > limit || (entries.length > 1 && bytes > frameLimits.maxPageBytes)) break;
    }
    return cutPage(entries, request);
  }

  /** To be called now and then: forgets what has grown old where nobody speaks, and gives back the room on the disk. */
  tend(): void {
    this.#drop(this.#sql.forgetStale.all(forgottenInIdleness, this.#oldest()));
    this.#database.exec(`PRAGMA incremental_vacuum(${pagesGivenBack})`);
  }

  /**
   * Writes into the file what is in the log, and empties that: until then it may hold what was forgotten since. Not
   * among steps that go {@link together}; where the disk is full, it is for the next time.
   */
  flush(): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // What is in the log is not lost.
    }
  }

  /** Also leaves nothing in the log: then the file is whole by itself. */
  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #oldest(): number {
    return this.#now() - this.#bounds.maxAgeMs;
  }

  /** Takes out what has grown old since the last process ended, or is beyond bounds that have become narrower. */
  #narrow(): void {
    const { maxMessages } = this.#bounds;
    this.#sql.forgetOlder.run(this.#oldest());
    for (const { place, count } of this.#sql.crowded.all(maxMessages)) {
      this.#sql.trim.run(String(place), Number(count) - maxMessages);
    }
  }

  #forget(): void {
    this.#drop(this.#sql.forgetStale.all(forgottenAtOnce, this.#oldest()));
    for (let round = 0; round < maxRounds && this.#bytes() > this.#bounds.maxBytes; round += 1) {
      this.#drop(this.#sql.forgetOldest.all(forgottenAtOnce));
    }
  }

  /** Of what is in use: what is free in the file is written before it grows. */
  #bytes(): number {
    const { page_count: pages } = this.#sql.pages.get() ?? {};
    const { freelist_count: free } = this.#sql.freePages.get() ?? {};
    return (Number(pages) - Number(free)) * pageBytes;
  }

  #drop(gone: readonly Record<string, unknown>[]): void {
    for (const { place } of gone) this.#counts.delete(String(place));
  }
}

function readersOf({ readers }: Row): ReadonlySet<string> | undefined {
  return readers === null ? undefined : new Set(JSON.parse(readers));
}

function prepare(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  const inPlace = 'FROM messages WHERE place = ?';
  const page = `SELECT entry, readers, sentAt ${inPlace} AND id < ? AND id > ? AND sentAt > ? ORDER BY id`;
  const first = 'SELECT n FROM messages ORDER BY n LIMIT ?';
  return {
    begin: sql('BEGIN IMMEDIATE'),
    commit: sql('COMMIT'),
    rollback: sql('ROLLBACK'),
    pages: sql('PRAGMA page_count'),
    freePages: sql('PRAGMA freelist_count'),
    count: sql(`SELECT count(*) AS count ${inPlace}`),
    insert: sql('INSERT INTO messages (place, id, sentAt, readers, entry) VALUES (?, ?, ?, ?, ?)'),
    newestId: sql('SELECT id FROM newest'),
    setNewestId: sql('UPDATE newest SET id = ?'),
    trim: sql(`DELETE FROM messages WHERE n IN (SELECT n ${inPlace} ORDER BY id LIMIT ?)`),
    get: sql(`SELECT entry, readers, sentAt ${inPlace} AND id = ? AND sentAt > ?`),
    replace: sql('UPDATE messages SET entry = ? WHERE place = ? AND id = ? AND sentAt > ?'),
    remove: sql(`DELETE ${inPlace} AND id = ? AND sentAt > ?`),
    clear: sql(`DELETE ${inPlace}`),
    newest: sql(`${page} DESC`),
    following: sql(page),
    crowded: sql('SELECT place, count(*) AS count FROM messages GROUP BY place HAVING count(*) > ?'),
    forgetOlder: sql('DELETE FROM messages WHERE sentAt <= ?'),
    forgetStale: sql(`DELETE FROM messages WHERE n IN (${first}) AND sentAt <= ? RETURNING place`),
    forgetOldest: sql(`DELETE FROM messages WHERE n IN (${first}) RETURNING place`),
  };
}
