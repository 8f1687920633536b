import { randomUUID } from 'node:crypto';

/**
 * What a server makes of a chat message, whichever it is: who said what and when. The same fields as in the contract,
 * so that the contestants write as many bytes.
 */
export function chatMessage(from: string, userId: string, text: string): object {
  const sent = { messageId: randomUUID(), sentAt: new Date().toISOString() };
  return { ts: Date.now(), from, payload: { ...sent, text, userId, presenterName: userId, private: false } };
}
