import { expect, test } from 'vitest';
import {
  channels,
  clientMessages,
  closeCodes,
  tokenLifetime,
  volatileMessages,
} from '../../generated/messages.ts';
import { writeMessages } from '../../src/codegen/messages.ts';
import { at, contractWith } from './specs.ts';

test('the message table says where a message may go, and how it is answered', () => {
  expect(clientMessages['signal.offer']).toMatchObject({
    channels: ['zoom', 'screenshare'],
    reply: 'ack',
    volatile: false,
    alwaysReplies: false,
  });
  expect(clientMessages['session.ping']).toMatchObject({
    reply: 'session.pong',
    volatile: true,
    alwaysReplies: true,
  });
  expect(volatileMessages.has('session.pong')).toBe(true);
  expect(volatileMessages.has('notice')).toBe(false);
});

test('the tables beside it', () => {
  expect(channels).toEqual(['zoom', 'screenshare', 'chat']);
  expect(tokenLifetime).toEqual({ warnBeforeMs: 60_000, skewMs: 30_000 });
  expect(closeCodes).toMatchObject({ normal: 1000, kicked: 4500, room_closed: 4502 });
  expect(new Set(Object.values(closeCodes)).size).toBe(Object.keys(closeCodes).length);
});

test('a reply is typed by the payload of its message, an ack by its result, or by nothing', async () => {
  const text = await writeMessages(contractWith());
  const replies = /interface ClientReplies \{\n(.*?)\n\}/s.exec(text)?.[1]?.split('\n') ?? [];
  expect(replies).toContain("  'session.ping': SessionPong;");
  expect(replies).toContain("  'chat.send': ChatSent;");
  expect(replies).toContain("  'signal.offer': undefined;");
});

test('the prose of the document is what editors show', async () => {
  const contract = contractWith((_, asyncapi) => {
    const notice = at(asyncapi, 'components', 'messages', 'server.notice');
    Object.assign(notice, { summary: 'Hear, hear!', description: 'Once. */ evil()' });
  });
  expect(await writeMessages(contract)).toContain(
    '  /**\n   * Hear, hear!\n   *\n   * Once. *∕ evil()\n   */\n  notice: Notice;',
  );
});
