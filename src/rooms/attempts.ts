import { type ClientMessageType, frameLimits } from '../../generated/messages.ts';
import type { Connection } from './connection.ts';
import { SignalboxError } from './errors.ts';
import { type Ready, whenFailed, whenReady } from './ready.ts';

/** The tries to carry out one message of a client, which sends it again where it was told `degraded`. */
export interface Attempts {
  /** What was tried before and may have been done; each by the mark that it would have left. */
  readonly tried: readonly string[];
  /** Whether it is done already: one of them has left this mark. */
  isDone(mark: string | undefined): boolean;
  /** Tries it, now by this mark. */
  run<T>(mark: string, act: () => Ready<T>): Ready<T>;
}

/**
 * What was tried of one message: remembered with the session where its outcome is not known, for as many messages as
 * answers are.
 *
 * @param id what the client knows it by; without one it cannot be sent again
 */
export function attemptsOf(sender: Connection, type: ClientMessageType, id: string | undefined): Attempts {
  const name = `${type} ${id}`;
  const tried = (id === undefined ? undefined : sender.unsure?.get(name)) ?? [];
  return {
    tried,
    isDone(mark = '') {
      return tried.includes(mark) && sender.unsure?.delete(name) === true;
    },
    run(mark, act) {
      const done = whenFailed(act, (error) => {
        if (id !== undefined && isUnsure(error)) remember(sender, name, mark);
      });
      return whenReady(done, (answer) => {
        sender.unsure?.delete(name);
        return answer;
      });
    },
  };
}

function remember(sender: Connection, name: string, mark: string): void {
  sender.unsure ??= new Map();
  const tried = sender.unsure.get(name) ?? [];
  sender.unsure.delete(name);
  sender.unsure.set(name, [...tried, mark].slice(-maxTried));
  if (sender.unsure.size <= frameLimits.maxRememberedAnswers) return;
  const [oldest] = sender.unsure.keys();
  if (oldest !== undefined) sender.unsure.delete(oldest);
}

/** Of one message: who is told to come back in a second tries for a minute and a half. */
const maxTried = 100;

function isUnsure(error: unknown): boolean {
  return error instanceof SignalboxError && error.code === 'degraded';
}
