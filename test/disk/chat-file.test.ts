import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { ChatFile } from '../../src/disk/chat-file.ts';
import type { HistoryBounds } from '../../src/rooms/chat-store.ts';
import { chatStoreAgreement } from '../rooms/chat-store-agreement.ts';
import { type Clock, idOf, messageOf, place } from '../rooms/chat-store-suite.ts';
import { newDirectory } from '../support/directory.ts';
import { atScopeEnd } from '../support/scope.ts';

const minuteMs = 60_000;
const usual = { maxMessages: 500, maxAgeMs: 1_440 * minuteMs, maxBytes: 1_000_000_000 };

function open(dir = newDirectory(), bounds = usual, now = Date.now) {
  const file = new ChatFile(dir, bounds, now);
  atScopeEnd(() => file.close());
  return file;
}

const said = (file: ChatFile, roomId = 'r') =>
  file.page({ ...place, roomId }, 'a', { limit: 100 }).messages.map(({ text }) => text);

const bytesIn = (dir: string) => statSync(join(dir, 'chat.db')).size;

describe('the directory', () => {
  test('is made where it is missing, and nobody else may read what is in it', () => {
    const dir = join(newDirectory(), 'a', 'b');
    open(dir).append(place, messageOf(1, Date.now()));
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const name of ['chat.db', 'chat.db-wal']) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
  });

  test('is of one at a time', () => {
    const dir = newDirectory();
    const file = open(dir);
    expect(() => new ChatFile(dir, usual, Date.now)).toThrow(/^is in use by another process$/);
    file.append(place, messageOf(1, Date.now()));
    expect(said(file)).toEqual(['1']);
  });

  /** Has SQL done to a file, by somebody else. */
  const execute = (sql: string) => (path: string) => {
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
  };

  test.each<[string, (path: string) => void, RegExp]>([
    [
      'no database',
      (path) => writeFileSync(path, 'x'.repeat(50_000)),
      /^holds a chat\.db that is no database of SQLite$/,
    ],
    [
      'damaged in its midst',
      (path) => writeFileSync(path, readFileSync(path).fill(0x78, 40_960, 81_920)),
      /^holds a damaged chat\.db; restore it, or move it away to begin with an empty history$/,
    ],
    [
      'of a later version',
      execute('PRAGMA user_version = 3'),
      /^holds a chat\.db of a newer version of signalbox$/,
    ],
    [
      'of another program',
      execute('PRAGMA user_version = 0; PRAGMA journal_mode = DELETE'),
      /^holds a chat\.db that is not of signalbox$/,
    ],
  ])('is refused whose file is %s, and left as it is', (_, change, message) => {
    const dir = newDirectory();
    const path = join(dir, 'chat.db');
    const file = new ChatFile(dir, usual, Date.now);
    for (let n = 1; n < 400; n += 1) file.append(place, messageOf(n, Date.now(), undefined, 'x'.repeat(400)));
    file.close();
    change(path);
    const before = readFileSync(path);
    expect(() => new ChatFile(dir, usual, Date.now)).toThrow(message);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('of the layout before is taken as it is, and new messages come after what is in it', () => {
    const dir = newDirectory();
    const file = open(dir);
    for (const n of [1, 2]) file.append(place, messageOf(n, Date.now()));
    file.close();
    execute('DROP TABLE newest; PRAGMA user_version = 1')(join(dir, 'chat.db'));
    const reopened = open(dir);
    reopened.append(place, messageOf(3, Date.now(), undefined, '3', 0));
    expect(said(reopened)).toEqual(['1', '2', '3']);
  });

  test('is refused where it is none', () => {
    const path = join(newDirectory(), 'file');
    writeFileSync(path, '');
    expect(() => new ChatFile(path, usual, Date.now)).toThrow(/^cannot be used: EEXIST/);
    expect(() => new ChatFile(join(path, 'dir'), usual, Date.now)).toThrow(/^cannot be used: ENOTDIR/);
  });
});

describe('the file', () => {
  test('does not grow beyond its bound: the oldest of all rooms are forgotten', () => {
    const dir = newDirectory();
    const maxBytes = 1_000_000;
    const file = open(dir, { ...usual, maxBytes });
    for (let batch = 0; batch < 100; batch += 1) {
      file.together(() => {
        for (let n = 0; n < 100; n += 1) {
          const id = batch * 100 + n;
          file.append({ ...place, roomId: `r${n}` }, messageOf(id, Date.now(), undefined, 'x'.repeat(n * 5)));
        }
      });
    }
    file.tend();
    expect(bytesIn(dir)).toBeLessThan(1.5 * maxBytes);
    const kept = Array.from({ length: 100 }, (_, n) => said(file, `r${n}`).length);
    expect(Math.min(...kept)).toBeGreaterThan(5);
    expect(Math.max(...kept) - Math.min(...kept)).toBeLessThanOrEqual(2);
  });

  test('holds nothing of what has grown old or was forgotten, and gives its room back', () => {
    let nowMs = Date.now();
    const dir = newDirectory();
    const file = open(dir, usual, () => nowMs);
    const say = (n: number, roomId: string) =>
      file.append({ ...place, roomId }, messageOf(n, nowMs, undefined, `secret ${'x'.repeat(4_000)}`));
    for (let n = 0; n < 300; n += 1) say(n, `r${n % 3}`);
    file.clear('r0');
    file.remove({ ...place, roomId: 'r1' }, idOf(1));
    nowMs += usual.maxAgeMs;
    file.together(() => file.tend());
    file.flush();
    expect(readFileSync(join(dir, 'chat.db')).includes('secret')).toBe(false);
    expect(bytesIn(dir)).toBeLessThan(50_000);
    expect(statSync(join(dir, 'chat.db-wal')).size).toBe(0);
  });

  test('of steps that go together all are done, or none', () => {
    const file = open(newDirectory(), { ...usual, maxMessages: 2 });
    file.append(place, messageOf(1, Date.now()));
    const both = () => {
      file.append(place, messageOf(2, Date.now()));
      file.append(place, messageOf(3, Date.now()));
      throw new Error('no more');
    };
    expect(() => file.together(both)).toThrow('no more');
    expect(said(file)).toEqual(['1']);
    expect(file.append(place, messageOf(2, Date.now())).messageId).toBe(idOf(2));
    for (const n of [4, 5, 6]) file.append(place, messageOf(n, Date.now()));
    expect(said(file)).toEqual(['5', '6']);
  });
});

const directories = new Map<ChatFile, string>();
const openFor = (dir: string, bounds: HistoryBounds, clock: Clock): ChatFile => {
  const file = open(dir, { ...usual, ...bounds }, () => clock.nowMs);
  directories.set(file, dir);
  return file;
};

chatStoreAgreement(
  (bounds, clock) => openFor(newDirectory(), bounds, clock),
  (file, bounds, clock) => {
    file.close();
    return openFor(directories.get(file) ?? '', bounds, clock);
  },
);
