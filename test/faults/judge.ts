import { resume } from '../../generated/messages.ts';
import type { Ending, Entry, Excuses } from './history.ts';
import { chatFaults } from './judge-chat.ts';
import { deliveryFaults } from './judge-delivery.ts';
import { presenceFaults } from './judge-presence.ts';
import { type Session, sessionsOf } from './sessions.ts';

/** With these a client is told to come again; nobody was put out in these runs. */
const expectedCodes: ReadonlySet<number> = new Set(resume.codes);
/** What says at the handshake: later. And what is no answer at all. */
const expectedStatuses: ReadonlySet<number> = new Set([0, 429, 503]);

/**
 * What is wrong with a history, after Jepsen's way: nothing is asked of the server, only of what its clients sent and saw,
 * and of how things stood at the end. Nothing, if each session
 * - began with one full welcome, and went on over resumes as the same;
 * - got each message of others exactly once, and in the order of each sender, none that was not for it, was refused, or
 *   was sent before it came;
 * - got one answer for each of its messages, and the same one for each that it sent again;
 *
 * and in the end each acked chat message stands once in the history, and each client's roster is what the registry says.
 */
export function judge(entries: readonly Entry[], ending: Ending, excuses: Excuses = {}): string[] {
  const { sessions, faults } = sessionsOf(entries);
  return [
    ...faults,
    ...answerFaults(sessions),
    ...deliveryFaults(sessions, excuses),
    ...chatFaults(sessions, ending, excuses),
    ...presenceFaults(sessions, ending),
    ...endFaults(entries, sessions, excuses),
  ];
}

function answerFaults(sessions: readonly Session[]): string[] {
  return sessions.flatMap(({ client, sent, received, lasts }) => {
    const faults: string[] = [];
    const sends = Map.groupBy(sent, ({ id }) => id);
    const answers = Map.groupBy(
      received.filter(({ frame }) => frame.replyTo !== undefined),
      ({ frame }) => frame.replyTo ?? '',
    );
    for (const [id, repeated] of answers) {
      const times = sends.get(id)?.length ?? 0;
      if (repeated.length > times) {
        faults.push(`${client} was answered ${repeated.length} times to ${id}, which it sent ${times} times`);
      }
      // One that may be tried again was not carried out, so the next answer may be another.
      const lasting = repeated.filter(({ frame }) => frame.payload.retryable !== true);
      if (new Set(lasting.map(({ text }) => text)).size > 1)
        faults.push(`${client} got two answers to ${id}`);
    }
    for (const id of sends.keys()) {
      if (lasts && !answers.has(id)) faults.push(`${client} was never answered to ${id}`);
    }
    return faults;
  });
}

function endFaults(entries: readonly Entry[], sessions: readonly Session[], excuses: Excuses): string[] {
  const faults: string[] = [];
  const welcomed = new Set(sessions.flatMap(({ received }) => received.map(({ socket }) => socket)));
  for (const entry of entries) {
    const { client, kind, socket } = entry;
    if (kind === 'refused' && !expectedStatuses.has(entry.status)) {
      faults.push(`${client} was refused with ${entry.status}`);
    }
    if (kind !== 'close') continue;
    if (entry.by === 'server' && !expectedCodes.has(entry.code)) {
      faults.push(`the connection of ${client} ended with ${entry.code}`);
    } else if (excuses.closes !== true && welcomed.has(socket)) {
      faults.push(`${client} lost its connection (${entry.code}, by the ${entry.by})`);
    }
  }
  for (const [client, lives] of Map.groupBy(sessions, (session) => session.client)) {
    if (lives.length > 1 && excuses.freshStarts !== true) {
      faults.push(`${client} started afresh, ${lives.length - 1} times`);
    }
    if (lives.at(-1)?.lasts !== true) faults.push(`${client} is not there in the end`);
  }
  return faults;
}
