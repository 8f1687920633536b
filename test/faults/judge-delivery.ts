import { type Excuses, markOf } from './history.ts';
import type { Received, Session } from './sessions.ts';

/** A message as all its sendings and answers say. */
interface Message {
  readonly n: number;
  readonly type: string;
  readonly to: string | undefined;
  readonly sentAt: number;
  /** Where its sender read that it was carried out. */
  readonly ackedAt: number | undefined;
  /** It was answered by an error that is final. */
  readonly isRefused: boolean;
  /** It was answered that it may not have been carried out: where it was, then at any time. */
  readonly isOpen: boolean;
}

/** The messages of a session that are to be followed, by their number. */
export function messagesOf({ sent, received }: Session): Map<number, Message> {
  const answers = new Map<string, Received>();
  const open = new Set<string>();
  for (const one of received) {
    const { replyTo, payload } = one.frame;
    // What may be tried again may have been carried out, or not: nothing follows.
    if (replyTo !== undefined && payload.retryable === true) open.add(replyTo);
    else if (replyTo !== undefined) answers.set(replyTo, one);
  }
  const messages = new Map<number, Message>();
  for (const { id, n, type, to, at } of sent) {
    if (n === undefined || messages.has(n)) continue;
    const answer = answers.get(id);
    const isRefused = answer?.frame.type === 'error';
    const ackedAt = isRefused ? undefined : answer?.at;
    messages.set(n, { n, type, to, sentAt: at, ackedAt, isRefused, isOpen: open.has(id) });
  }
  return messages;
}

/** Whether every member got what every other said: once, in order, and nothing else. */
export function deliveryFaults(sessions: readonly Session[], excuses: Excuses): string[] {
  const faults: string[] = [];
  const messages = new Map(sessions.map((session) => [session.clientId, messagesOf(session)]));
  const byId = new Map(sessions.map((session) => [session.clientId, session]));
  for (const receiver of sessions) {
    const arrived = new Map<string, number[]>();
    for (const one of receiver.received) {
      const { type, payload, from = '' } = one.frame;
      const mark = markOf(payload.text ?? payload.data ?? payload.sdp);
      if (mark === undefined || one.frame.replyTo !== undefined) continue;
      const sender = byId.get(from);
      const message = messages.get(from)?.get(mark.n);
      const name = `${mark.client}#${mark.n} (${type})`;
      if (sender === undefined || message === undefined || sender.client !== mark.client) {
        faults.push(`${receiver.client} got ${name} of ${from}, who never sent it`);
      } else if (!isFor(receiver, sender, message)) {
        faults.push(`${receiver.client} got ${name}, which was not for it`);
      } else if (message.isRefused) {
        faults.push(`${receiver.client} got ${name}, which was refused`);
      } else if (message.ackedAt !== undefined && message.ackedAt < receiver.openedAt) {
        faults.push(`${receiver.client} got ${name}, which was over before it came`);
      } else {
        const numbers = arrived.get(from) ?? [];
        arrived.set(from, numbers);
        numbers.push(mark.n);
      }
    }
    for (const sender of sessions) {
      const got = arrived.get(sender.clientId) ?? [];
      const isOpen = (n: number) => messages.get(sender.clientId)?.get(n)?.isOpen === true;
      faults.push(...orderFaults(receiver, sender, got, isOpen));
      const due = Array.from(messages.get(sender.clientId)?.values() ?? []).filter(
        (message) =>
          message.ackedAt !== undefined &&
          message.sentAt > receiver.welcomedAt &&
          isFor(receiver, sender, message),
      );
      // A session that ended may have missed its last messages, and none before one that it got.
      const last = receiver.lasts ? Number.POSITIVE_INFINITY : Math.max(-1, ...got);
      const seen = new Set(got);
      const lost = due.filter(({ n }) => n <= last && !seen.has(n)).map(({ n, type }) => `#${n} (${type})`);
      if (lost.length > 0 && excuses.lossBetweenNodes !== true) {
        faults.push(
          `${receiver.client} missed ${lost.length} of ${sender.client}: ${lost.slice(0, 5).join(', ')}`,
        );
      }
    }
  }
  return faults;
}

function isFor(receiver: Session, sender: Session, { type, to }: Message): boolean {
  if (to !== undefined) return to === receiver.clientId;
  if (receiver.roomId !== sender.roomId) return false;
  return receiver !== sender || type === 'chat.send'; // of which its sender hears, too
}

function orderFaults(
  receiver: Session,
  sender: Session,
  got: readonly number[],
  isOpen: (n: number) => boolean,
): string[] {
  const faults: string[] = [];
  const seen = new Set<number>();
  let last = -1;
  for (const n of got) {
    if (seen.has(n)) faults.push(`${receiver.client} got ${sender.client}#${n} twice`);
    else if (n < last && !isOpen(n))
      faults.push(`${receiver.client} got ${sender.client}#${n} after #${last}`);
    seen.add(n);
    last = Math.max(last, n);
  }
  return faults;
}
