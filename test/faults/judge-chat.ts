import { valueAt } from '../support/socket.ts';
import { type Ending, type Excuses, markOf, type Said } from './history.ts';
import type { Session } from './sessions.ts';

/** Whether the history holds what was acked or heard, each once, in each sender's order, as and in the order in which it was heard. */
export function chatFaults(sessions: readonly Session[], { chat }: Ending, excuses: Excuses): string[] {
  const faults: string[] = [];
  for (const [roomId, members] of Map.groupBy(sessions, (session) => session.roomId)) {
    const history = chat.get(roomId) ?? [];
    const texts = new Map(history.map(({ messageId, text }) => [messageId, text]));
    if (texts.size < history.length) faults.push(`the history of ${roomId} holds a message twice`);
    const last = new Map<string, number>();
    for (const { text } of history) {
      const { client, n } = markOf(text) ?? { client: text, n: 0 };
      const before = last.get(client) ?? -1;
      if (n === before) faults.push(`the history of ${roomId} holds ${client}#${n} twice`);
      else if (n < before) faults.push(`the history of ${roomId} holds ${client}#${n} after #${before}`);
      last.set(client, Math.max(before, n));
    }
    if (excuses.forgetting !== true) {
      for (const [messageId, name] of expected(members)) {
        if (!texts.has(messageId)) faults.push(`the history of ${roomId} lacks ${name}`);
      }
    }
    faults.push(...differences(roomId, members, texts));
    if (excuses.forgetting !== true && excuses.lossBetweenNodes !== true) {
      faults.push(...disorders(roomId, members, history));
    }
  }
  return faults;
}

/** Ids of what must be in the history, and how its senders and hearers name it. */
function expected(members: readonly Session[]): Map<string, string> {
  const ids = new Map<string, string>();
  for (const { client, sent, received } of members) {
    const chats = new Map(sent.filter(({ type }) => type === 'chat.send').map(({ id, n }) => [id, n]));
    for (const { frame } of received) {
      const { type, payload, replyTo = '' } = frame;
      const acked = valueAt(payload, 'result', 'messageId');
      if (type === 'ack' && chats.has(replyTo))
        ids.set(String(acked), `${client}#${chats.get(replyTo)}, acked`);
      if (type === 'chat.message' && !ids.has(String(payload.messageId))) {
        ids.set(String(payload.messageId), `${payload.text}, heard by ${client}`);
      }
    }
  }
  return ids;
}

/** Who asks for what follows the last message that it heard gets all that it has not heard. */
function disorders(roomId: string, members: readonly Session[], history: readonly Said[]): string[] {
  const faults: string[] = [];
  const places = new Map(history.map(({ messageId }, place) => [messageId, place]));
  for (const { client, received } of members) {
    let last = -1;
    for (const { frame } of received) {
      const place = places.get(String(frame.payload.messageId));
      if (frame.type !== 'chat.message' || place === undefined) continue;
      if (place < last) {
        faults.push(
          `${client} heard ${frame.payload.text} late: in the history of ${roomId} it is before others`,
        );
      }
      last = Math.max(last, place);
    }
  }
  return faults;
}

/** All hear one message in the same bytes, and read it so in the history. */
function differences(
  roomId: string,
  members: readonly Session[],
  texts: ReadonlyMap<string, string>,
): string[] {
  const faults: string[] = [];
  const heard = new Map<string, string>();
  for (const { client, received } of members) {
    for (const { frame, text } of received) {
      if (frame.type !== 'chat.message') continue;
      const messageId = String(frame.payload.messageId);
      const before = heard.get(messageId);
      if (before !== undefined && before !== text) {
        faults.push(`${client} heard ${messageId} in other bytes than others of ${roomId}`);
      }
      heard.set(messageId, text);
      const kept = texts.get(messageId);
      if (kept !== undefined && kept !== frame.payload.text) {
        faults.push(`${client} heard ${messageId} otherwise than it is in the history`);
      }
    }
  }
  return faults;
}
