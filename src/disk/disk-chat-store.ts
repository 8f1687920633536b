import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Channel, ChatEntry, ChatPage } from '../../generated/messages.ts';
import type { ChatStore, Kept, PageRequest, StoredMessage } from '../rooms/chat-store.ts';
import type { Clock } from '../rooms/clock.ts';
import type { Place } from '../rooms/connection.ts';
import { SignalboxError } from '../rooms/errors.ts';
import type { Report } from '../rooms/events.ts';
import type { Announcement } from '../rooms/hub.ts';
import { renamed } from '../rooms/message-id.ts';
import type { DiskHistoryBounds } from './chat-file.ts';
import type { Answer, Batch, Call, Opened, ThreadSettings } from './chat-thread.ts';

/** What becomes of the history on the disk, for the log: once when it fails, and once when it is whole again. */
export type HistoryEvent =
  | { readonly type: 'history.failed'; readonly error: unknown }
  | { readonly type: 'history.recovered' };

/** The thread that has the file, as a `Worker` is one. */
export interface ChatThread {
  postMessage(message: Batch | 'close'): void;
  on(event: 'message', heard: (answers: readonly Answer[]) => void): unknown;
  on(event: 'error', heard: (error: unknown) => void): unknown;
  on(event: 'exit', heard: () => void): unknown;
  terminate(): Promise<unknown>;
}

/** How soon to come back. */
const retryAfterMs = 1_000;
const patienceMs = 5_000;
const tendEveryMs = 60_000;

interface Waiting {
  readonly call: Call;
  /** What the members are told where it changes something. */
  readonly news: Announcement | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Starts the thread that has the file of a directory. Rejects with an error whose message says what is wrong with the
 * directory, and goes on where its name ends.
 */
export async function openChatStore(
  dir: string,
  bounds: DiskHistoryBounds,
  report: Report<HistoryEvent>,
  clock: Clock,
): Promise<DiskChatStore> {
  // Beside this file, and in the language that this one is in.
  const path = new URL(`./chat-thread${extname(import.meta.url)}`, import.meta.url);
  const workerData: ThreadSettings = { dir, bounds, now: clock.now() };
  const thread = new Worker(path, { workerData });
  const [{ problem }] = (await once(thread, 'message')) as [Opened];
  if (problem !== undefined) throw new Error(problem);
  return new DiskChatStore(thread, report, clock);
}

/**
 * What was said in each channel of each room, in a file that survives the process.
 *
 * What is asked for in one turn of the event loop, or while the disk is busy, is done in one step with one wait for it.
 * Every call is answered when it is on the disk, in the order of the calls; where it cannot be written or read, with
 * `degraded`, and then nothing has changed. Only of an edit, a deletion or a closing that took too long it is not known.
 */
export class DiskChatStore implements ChatStore {
  readonly #thread: ChatThread;
  readonly #report: Report<HistoryEvent>;
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #exited: Promise<void>;
  /** What is asked for next. */
  #queue: Waiting[] = [];
  /** What the thread is at. */
  #asked: Waiting[] | undefined;
  #patience: NodeJS.Timeout | undefined;
  /** Why nothing is asked for: the disk has taken too long, or there is no thread any more. */
  #stuck: unknown;
  #failed = false;
  #stopped = false;

  /** @param patience how long the disk may take, in milliseconds; then it is refused what it has not done */
  constructor(thread: ChatThread, report: Report<HistoryEvent>, clock: Clock, patience = patienceMs) {
    this.#thread = thread;
    this.#report = report;
    this.#clock = clock;
    this.#patienceMs = patience;
    this.#exited = new Promise((resolve) => thread.on('exit', resolve));
    thread.on('message', (answers) => this.#take(answers));
    thread.on('error', (error) => this.#refuseAll(error));
    thread.on('exit', () => this.#refuseAll(new Error('The thread has ended.')));
    this.#tendLater();
  }

  async append({ roomId, channel }: Place, message: StoredMessage, news?: Announcement): Promise<Kept> {
    return (await this.#ask(['append', { roomId, channel }, message], news)) as Kept;
  }

  async get(
    { roomId, channel }: Place,
    messageId: string,
    userId: string,
  ): Promise<StoredMessage | undefined> {
    return (await this.#ask(['get', { roomId, channel }, messageId, userId])) as StoredMessage | undefined;
  }

  async replace({ roomId, channel }: Place, entry: ChatEntry, news?: Announcement): Promise<boolean> {
    return (await this.#ask(['replace', { roomId, channel }, entry], news)) as boolean;
  }

  async remove({ roomId, channel }: Place, messageId: string, news?: Announcement): Promise<boolean> {
    return (await this.#ask(['remove', { roomId, channel }, messageId], news)) as boolean;
  }

  async clear(roomId: string, channel?: Channel): Promise<void> {
    await this.#ask(['clear', roomId, channel]);
  }

  async page({ roomId, channel }: Place, userId: string, request: PageRequest): Promise<ChatPage> {
    return (await this.#ask(['page', { roomId, channel }, userId, request])) as ChatPage;
  }

  /** Resolves when all that was asked for is on the disk and the file is closed; calls after it are refused. */
  async stop(): Promise<void> {
    if (this.#stopped) return this.#exited;
    // Answered after all others.
    await this.#ask(['tend']).catch(() => {});
    this.#stopped = true;
    this.#thread.postMessage('close');
    const late = setTimeout(() => void this.#thread.terminate(), this.#patienceMs);
    await this.#exited;
    clearTimeout(late);
  }

  #ask(call: Call, news?: Announcement): Promise<unknown> {
    if (this.#stuck !== undefined || this.#stopped) return Promise.reject(degraded(this.#stuck));
    return new Promise((resolve, reject) => {
      this.#queue.push({ call, news, resolve, reject });
      if (this.#queue.length === 1 && this.#asked === undefined) setImmediate(() => this.#send());
    });
  }

  #send(): void {
    if (this.#asked !== undefined || this.#queue.length === 0) return;
    this.#asked = this.#queue;
    this.#queue = [];
    this.#patience = setTimeout(
      () => this.#refuseAll(new Error('The disk takes too long.')),
      this.#patienceMs,
    );
    this.#thread.postMessage({ now: this.#clock.now(), calls: this.#asked.map(({ call }) => call) });
  }

  #take(answers: readonly Answer[]): void {
    clearTimeout(this.#patience);
    const asked = this.#asked ?? [];
    this.#asked = undefined;
    const isLate = this.#stuck !== undefined;
    if (isLate) this.#takeLate(asked, answers);
    let failed: unknown;
    for (const [index, answer] of answers.entries()) {
      if ('value' in answer) {
        const { call, news, resolve } = asked[index] ?? {};
        if (call?.[0] === 'append') {
          // One that comes too late is taken out again; an edit or a deletion is told all the same.
          const { messageId } = answer.value as Kept;
          if (!isLate) news?.tellHere(renamed(news.message.frame, messageId));
        } else if (answer.value !== false) news?.tellHere();
        resolve?.(answer.value);
      } else {
        failed = answer.error;
        asked[index]?.reject(degraded(answer.error));
      }
    }
    if (failed !== undefined) this.#fail(failed);
    else if (this.#failed && asked.some(({ call: [method] }) => method === 'append')) this.#recover();
    this.#send();
  }

  /** Who was refused a message in the meantime was told that it is not there. */
  #takeLate(asked: readonly Waiting[], answers: readonly Answer[]): void {
    this.#stuck = undefined;
    for (const [index, answer] of answers.entries()) {
      const call = asked[index]?.call;
      if (call?.[0] !== 'append' || 'error' in answer) continue;
      const { messageId } = answer.value as Kept;
      this.#ask(['remove', call[1], messageId]).catch(() => {});
    }
  }

  #refuseAll(why: unknown): void {
    clearTimeout(this.#patience);
    if (this.#stopped) return;
    this.#stuck = why;
    for (const { reject } of [...(this.#asked ?? []), ...this.#queue.splice(0)]) reject(degraded(why));
    this.#fail(why);
  }

  #fail(error: unknown): void {
    if (!this.#failed) this.#report({ type: 'history.failed', error });
    this.#failed = true;
  }

  #recover(): void {
    this.#failed = false;
    this.#report({ type: 'history.recovered' });
  }

  #tendLater(): void {
    this.#clock.later(() => {
      if (this.#stopped) return;
      this.#ask(['tend']).catch(() => {});
      this.#tendLater();
    }, tendEveryMs);
  }
}

function degraded(cause: unknown): SignalboxError {
  return new SignalboxError('degraded', 'The chat history is out of reach.', { retryAfterMs, cause });
}
