import { expect, test } from 'vitest';
import { transcriptFact } from './facts.ts';
import { transcriptOf, withoutTokens } from './transcript.ts';

test('has each message once, by its key, with its direction and its shortest example', () => {
  const frame = { type: 'a', payload: {} };
  const seen = [
    transcriptFact('server.a', { channel: 'zoom', frame: { ...frame, payload: { long: true } } }),
    transcriptFact('server.a', { channel: 'chat', frame }),
    transcriptFact('server.a', { channel: 'zoom', frame }),
    transcriptFact('client.b', { channel: 'zoom', frame }),
    transcriptFact('client.c'),
    ['messages', 'client.c'] as const,
  ];
  expect(transcriptOf(seen)).toEqual([
    { message: 'client.b', direction: 'client to server', channel: 'zoom', frame },
    { message: 'server.a', direction: 'server to client', channel: 'chat', frame },
  ]);
});

test('has no token, however deep', () => {
  const frame = { token: 'x.y.z', payload: { resumeToken: 'secret', tokens: 2, text: 'token' } };
  expect(JSON.parse(JSON.stringify([frame], withoutTokens))).toEqual([
    { token: '…', payload: { resumeToken: '…', tokens: 2, text: 'token' } },
  ]);
});
