import { parentPort, workerData } from 'node:worker_threads';
import { ChatFile, type DiskHistoryBounds } from './chat-file.ts';

/** What this thread is asked to do. */
export type Call = {
  [Method in 'append' | 'get' | 'replace' | 'remove' | 'clear' | 'page' | 'tend']: readonly [
    method: Method,
    ...args: Parameters<ChatFile[Method]>,
  ];
}['append' | 'get' | 'replace' | 'remove' | 'clear' | 'page' | 'tend'];

/** What came together, and is done together. */
export interface Batch {
  /** The time by which messages are old, in epoch milliseconds. */
  readonly now: number;
  readonly calls: readonly Call[];
}

/** What becomes of a call. */
export type Answer = { readonly value: unknown } | { readonly error: unknown };

/** The first message: whether there is a file, or what is wrong with its directory. */
export type Opened = { readonly problem: string | undefined };

/** What the thread is started with. */
export interface ThreadSettings {
  readonly dir: string;
  readonly bounds: DiskHistoryBounds;
  readonly now: number;
}

// The file, in a thread that waits for the disk so that nobody else has to. It is told `close` in the end.
const { dir, bounds, now: startedAt } = workerData as ThreadSettings;
let now = startedAt;

function answer(file: ChatFile, [method, ...args]: Call): Answer {
  return { value: Reflect.apply(file[method], file, args) };
}

/** On a disk that is full nothing can be written, and all the same be read. */
function answerEach(file: ChatFile, calls: readonly Call[]): Answer[] {
  return calls.map((call) => {
    try {
      return /^(get|page)$/.test(call[0]) ? answer(file, call) : file.together(() => answer(file, call));
    } catch (error) {
      return { error };
    }
  });
}

function answerAll(file: ChatFile, { calls }: Batch): Answer[] {
  try {
    return file.together(() => calls.map((call) => answer(file, call)));
  } catch {
    return answerEach(file, calls);
  }
}

function open(): ChatFile | undefined {
  let problem: string | undefined;
  try {
    return new ChatFile(dir, bounds, () => now);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
    return undefined;
  } finally {
    parentPort?.postMessage({ problem } satisfies Opened);
  }
}

const file = open();
if (file !== undefined) {
  parentPort?.on('message', (batch: Batch | 'close') => {
    if (batch === 'close') {
      file.close();
      parentPort?.close();
    } else {
      now = batch.now;
      parentPort?.postMessage(answerAll(file, batch));
      if (batch.calls.some(([method]) => method === 'tend')) file.flush(); // nobody waits for that
    }
  });
}
