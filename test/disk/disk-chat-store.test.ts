import { EventEmitter } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Answer, Batch } from '../../src/disk/chat-thread.ts';
import {
  type ChatThread,
  DiskChatStore,
  type HistoryEvent,
  openChatStore,
} from '../../src/disk/disk-chat-store.ts';
import { chatStoreSuite, idOf, messageOf, place } from '../rooms/chat-store-suite.ts';
import { newDirectory } from '../support/directory.ts';
import { atScopeEnd } from '../support/scope.ts';

const usual = { maxMessages: 500, maxAgeMs: 86_400_000, maxBytes: 100_000_000 };

/** A store in a directory, by the usual clock; what it reports is noted. */
async function open(dir = newDirectory(), bounds = usual, now = Date.now) {
  const events: HistoryEvent[] = [];
  const later = (run: () => void, ms: number) => void setTimeout(run, ms).unref();
  const chat = await openChatStore(dir, bounds, (event) => events.push(event), { now, later });
  atScopeEnd(() => chat.stop());
  return { chat, events };
}

const said = async (chat: DiskChatStore, where = place) =>
  (await chat.page(where, 'a', { limit: 100 })).messages.map(({ text }) => text).join(' ');

chatStoreSuite('DiskChatStore', async (bounds, clock) => {
  const { chat } = await open(newDirectory(), { ...bounds, maxBytes: usual.maxBytes }, () => clock.nowMs);
  return chat;
});

test('what was said and changed is there when the directory is opened again, and nothing else', async () => {
  const dir = newDirectory();
  const { chat } = await open(dir);
  const now = Date.now();
  const secret = messageOf(2, now, ['a', 'b']);
  await chat.append(place, messageOf(1, now));
  await chat.append(place, secret);
  for (const n of [3, 4]) await chat.append(place, messageOf(n, now));
  await chat.append({ roomId: 'closed', channel: 'zoom' }, messageOf(5, now));
  await chat.replace(place, messageOf(1, now, undefined, 'edited').entry);
  await chat.remove(place, idOf(3));
  await chat.clear('closed');
  await chat.stop();
  await chat.stop();

  const { chat: reopened } = await open(dir);
  expect(await said(reopened)).toBe('edited 2 4');
  expect(await reopened.get(place, idOf(2), 'b')).toStrictEqual(secret);
  expect(await reopened.get(place, idOf(2), 'c')).toBeUndefined();
  expect(await said(reopened, { roomId: 'closed', channel: 'zoom' })).toBe('');
});

test('bounds that have become narrower hold from the start', async () => {
  const dir = newDirectory();
  const { chat } = await open(dir);
  const now = Date.now();
  for (let n = 1; n <= 5; n += 1) await chat.append(place, messageOf(n, now - 10_000 + n * 1_000));
  await chat.stop();
  const { chat: fewer } = await open(dir, { ...usual, maxMessages: 3 });
  expect(await said(fewer)).toBe('3 4 5');
  await fewer.stop();
  const { chat: shorter } = await open(dir, { ...usual, maxAgeMs: 10_000 }, () => now + 4_500);
  expect(await said(shorter)).toBe('5');
});

test('what is asked for after it has stopped is refused', async () => {
  const { chat } = await open();
  await chat.stop();
  await expect(chat.append(place, messageOf(1, Date.now()))).rejects.toMatchObject({ code: 'degraded' });
});

test('calls are answered in their order, those of many at once too', async () => {
  const { chat } = await open();
  const order: number[] = [];
  const numbers = Array.from({ length: 300 }, (_, n) => n);
  await Promise.all(
    numbers.map((n) => chat.append(place, messageOf(n, Date.now())).then(() => order.push(n))),
  );
  expect(order).toEqual(numbers);
});

/** A thread whose disk does nothing until it is let: then all that it was asked for. */
class SlowThread implements ChatThread {
  readonly batches: Batch[] = [];
  readonly #events = new EventEmitter();

  postMessage(message: Batch | 'close'): void {
    if (message === 'close') this.emit('exit');
    else this.batches.push(message);
  }

  on(event: string, heard: (what: never) => void): void {
    this.#events.on(event, (what) => heard(what as never));
  }

  emit(event: string, what?: unknown): void {
    this.#events.emit(event, what);
  }

  answer(...answers: Answer[]): void {
    this.emit('message', answers);
  }

  async terminate(): Promise<void> {
    this.emit('exit');
  }
}

function openSlow(patienceMs = 5_000) {
  const thread = new SlowThread();
  const events: string[] = [];
  const due: (() => void)[] = [];
  const clock = { now: Date.now, later: (run: () => void) => void due.push(run) };
  const chat = new DiskChatStore(thread, ({ type }) => events.push(type), clock, patienceMs);
  const asked = (n: number) => thread.batches[n]?.calls.map(([method]) => method).join(' ');
  return { thread, chat, events, asked, due };
}

/** What the thread answers that has kept a message. */
const kept = (n: number): Answer => ({ value: { messageId: idOf(n), sentAt: '' } });
const refused = { status: 'rejected', reason: { code: 'degraded', details: { retryAfterMs: 1_000 } } };

test('what comes while the disk is busy is done in one step after it', async () => {
  const { thread, chat, asked } = openSlow();
  const first = [chat.append(place, messageOf(1, 0)), chat.remove(place, idOf(1))];
  await nextTurn();
  expect(asked(0)).toBe('append remove');
  const second = [chat.clear('r'), chat.append(place, messageOf(2, 0))];
  thread.answer(kept(1), { value: true });
  expect(await Promise.all(first)).toMatchObject([{ messageId: idOf(1) }, true]);
  expect(asked(1)).toBe('clear append');
  thread.answer({ value: undefined }, kept(2));
  await Promise.all(second);
  expect(thread.batches).toHaveLength(2);
});

test('a disk that takes too long is refused what it has not done, and takes out again what it does late', async () => {
  const { thread, chat, events, asked } = openSlow(20);
  const first = chat.append(place, messageOf(1, 0));
  await nextTurn();
  expect(asked(0)).toBe('append');
  const second = chat.append(place, messageOf(2, 0));
  expect(await Promise.allSettled([first, second])).toMatchObject([refused, refused]);
  expect(await Promise.allSettled([chat.append(place, messageOf(3, 0))])).toMatchObject([refused]);
  expect(events).toEqual(['history.failed']);

  thread.answer({ value: { messageId: idOf(1, 7), sentAt: '' } });
  const next = chat.append(place, messageOf(4, 0));
  expect(asked(1)).toBe('remove');
  expect(thread.batches[1]?.calls).toEqual([['remove', place, idOf(1, 7)]]);
  thread.answer({ value: true });
  await nextTurn();
  expect(asked(2)).toBe('append');
  thread.answer(kept(4));
  await next;
  expect(events).toEqual(['history.failed', 'history.recovered']);
  expect(thread.batches).toHaveLength(3);
});

test('what fails is refused alone, and the log hears of it once, until a message is kept again', async () => {
  const { thread, chat, events, asked } = openSlow();
  for (const batch of [0, 1]) {
    const both = Promise.allSettled([
      chat.append(place, messageOf(1, 0)),
      chat.page(place, 'a', { limit: 1 }),
    ]);
    await nextTurn();
    expect(asked(batch)).toBe('append page');
    thread.answer({ error: new Error('full') }, { value: { messages: [], more: false } });
    expect(await both).toMatchObject([refused, { status: 'fulfilled' }]);
  }
  expect(events).toEqual(['history.failed']);
  const page = chat.page(place, 'a', { limit: 1 });
  await nextTurn();
  expect(asked(2)).toBe('page');
  thread.answer({ value: { messages: [], more: false } });
  await page;
  expect(events).toEqual(['history.failed']);
});

test('without its thread all is refused, and it can be stopped', async () => {
  const { thread, chat, events, asked } = openSlow();
  const first = chat.append(place, messageOf(1, 0));
  await nextTurn();
  expect(asked(0)).toBe('append');
  thread.emit('error', new Error('out of memory'));
  thread.emit('exit');
  expect(await Promise.allSettled([first, chat.clear('r')])).toMatchObject([refused, refused]);
  expect(events).toEqual(['history.failed']);
  await chat.stop();
});

test('the file is tended now and then, until it is closed', async () => {
  const { thread, chat, asked, due } = openSlow();
  for (const batch of [0, 1]) {
    due.shift()?.();
    await nextTurn();
    expect(asked(batch)).toBe('tend');
    thread.answer({ value: undefined });
  }
  const stopped = chat.stop();
  await nextTurn();
  thread.answer({ value: undefined });
  await stopped;
  due.shift()?.();
  await nextTurn();
  expect(thread.batches).toHaveLength(3);
  expect(due).toEqual([]);
});

test('an edit that comes too late is told all the same, and a message that does is not', async () => {
  const { thread, chat } = openSlow(20);
  const told: string[] = [];
  const news = (text: string) => ({
    tellHere: () => void told.push(text),
    message: { kind: 'announce', frame: { text, volatile: false } } as const,
  });
  const { entry } = messageOf(1, 0);
  const calls = [
    chat.append(place, messageOf(2, 0), news('sent')),
    chat.replace(place, entry, news('edited')),
    chat.remove(place, idOf(3), news('not there')),
  ];
  expect(await Promise.allSettled(calls)).toMatchObject([refused, refused, refused]);
  expect(told).toEqual([]);
  thread.answer(kept(2), { value: true }, { value: false });
  expect(told).toEqual(['edited']);
});
