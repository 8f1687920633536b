import { expect, test } from 'vitest';
import { messageMethods, type Send } from '../../generated/client.ts';
import { clientMessages } from '../../generated/messages.ts';
import { writeClient } from '../../src/codegen/client.ts';
import { at, contractWith } from './specs.ts';

test('every client message has a method, in the namespace of its type', () => {
  const sent: string[] = [];
  const send: Send = (type) => {
    sent.push(type);
    return new Promise(() => {});
  };
  const methods = Object.values(messageMethods(send)).flatMap((namespace) => Object.values(namespace));
  for (const method of methods) void Reflect.apply(method, undefined, [{}]);
  expect(sent.sort()).toEqual(Object.keys(clientMessages).sort());
});

test('a method passes the payload on, and the answer back', async () => {
  const answer = { messageId: 'm', sentAt: 'now' };
  const calls: unknown[] = [];
  const send = (async (type, payload) => {
    calls.push([type, payload]);
    return answer;
  }) as Send;
  await expect(messageMethods(send).chat.send({ text: 'Hello' })).resolves.toBe(answer);
  expect(calls).toEqual([['chat.send', { text: 'Hello' }]]);
});

test('a method says what the document says of the message', () => {
  const contract = contractWith((_, asyncapi) => {
    at(asyncapi, 'components', 'messages', 'client.chat.send').summary = 'Speaks up.';
  });
  const text = writeClient(contract);
  expect(text).toMatch(/chat: \{\n {6}\/\*\*\n {7}\* Speaks up\./);
  expect(text).toContain("send: (payload: ClientPayloads['chat.send']) => send('chat.send', payload),");
});
