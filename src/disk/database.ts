import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** The only file of the directory, beside those that SQLite has next to it while it is open. */
const fileName = 'chat.db';
/** What the file says of its layout; a file of a later one is left alone. */
const layout = 2;
/** What SQLite reads and writes at once. */
export const pageBytes = 4_096;
/** So much of the log stays on the disk when all of it is in the file. */
const keptLogBytes = 16_777_216;

/**
 * `n` is the order in which messages came, over all rooms: who is forgotten first where there are too many. The index is
 * the order within a channel.
 */
const schema = `
CREATE TABLE messages (
  n INTEGER PRIMARY KEY,
  place TEXT NOT NULL,
  id TEXT NOT NULL,
  sentAt INTEGER NOT NULL,
  readers TEXT,
  entry TEXT NOT NULL
);
CREATE UNIQUE INDEX messagesInPlace ON messages (place, id);`;

/** Since layout 2: the newest id that ever was, after which new ones come, however many were forgotten. */
const newestSchema = `
CREATE TABLE newest (id TEXT NOT NULL);
INSERT INTO newest SELECT coalesce(max(id), '') FROM messages;
PRAGMA user_version = ${layout};`;

const damaged = 11;
/** What SQLite calls it (https://sqlite.org/rescode.html), and what it means to who set the directory. */
const problems: { readonly [resultCode: number]: string } = {
  5: 'is in use by another process',
  [damaged]: `holds a damaged ${fileName}; restore it, or move it away to begin with an empty history`,
  13: 'is on a disk that is full',
  26: `holds a ${fileName} that is no database of SQLite`,
};

/**
 * Opens the database in a directory, both of which are made where they are missing, for this process alone: the lock
 * ends with the process, however it ends. What is committed survives the process, and a failure of the power too.
 *
 * Throws an error whose message goes on where the name of the directory ends: `is in use by another process`.
 */
export function openDatabase(dir: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const path = join(dir, fileName);
    closeSync(openSync(path, 'a', 0o600)); // made by SQLite, everybody might read it
    database = new DatabaseSync(path);
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    const found = layoutOf(database);
    const isNew = found === 0;
    // Before all that writes: later, they would have no effect on the file.
    if (isNew) database.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA auto_vacuum = INCREMENTAL`);
    database.exec(`
      PRAGMA secure_delete = ON;
      PRAGMA journal_mode = WAL;
      PRAGMA journal_size_limit = ${keptLogBytes};
      PRAGMA synchronous = FULL;`);
    if (isNew) database.exec(`BEGIN; ${schema} ${newestSchema} COMMIT`);
    checkWhole(database);
    if (found === 1) database.exec(`BEGIN; ${newestSchema} COMMIT`);
    return database;
  } catch (error) {
    database?.close();
    throw new Error(problemOf(error), { cause: error });
  }
}

/** Which layout the file is of, 0 where there is nothing in it yet; refuses one that is later, or not of signalbox. */
function layoutOf(database: DatabaseSync): number {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  const tables = Number(database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.count);
  if (version > layout) throw new Error(`holds a ${fileName} of a newer version of signalbox`);
  if (version < 1 && tables > 0) throw new Error(`holds a ${fileName} that is not of signalbox`);
  return tables === 0 ? 0 : version;
}

/** Reads all of it: half a second for each 300 MB. */
function checkWhole(database: DatabaseSync): void {
  const check = database.prepare('PRAGMA quick_check(1)').get()?.quick_check;
  if (check !== 'ok') throw Object.assign(new Error(String(check)), { errcode: damaged });
}

function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Extended codes say more in their upper bytes.
  if ('errcode' in error) return problems[Number(error.errcode) & 0xff] ?? `cannot be used: ${error.message}`;
  return 'code' in error ? `cannot be used: ${error.message}` : error.message;
}
