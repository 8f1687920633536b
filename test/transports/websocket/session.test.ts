import { expect, test } from 'vitest';
import type { Connection } from '../../../src/rooms/connection.ts';
import { Session, type SessionParts } from '../../../src/transports/websocket/session.ts';
import type { Socket } from '../../../src/transports/websocket/socket.ts';

const last = { text: '{"type":"room.closed"}', volatile: false };
const answer = { text: '{"type":"ack"}', volatile: false };

/** A session with one client, and what goes out to that. */
function open(run: () => unknown) {
  const out: string[] = [];
  const socket = {
    send: (frame: { text: string }) => out.push(frame.text),
    close: (name: string) => out.push(name),
  };
  const parts = { dispatch: { run }, budgetScale: 1, steadyNow: () => 0 } as unknown as SessionParts;
  const session = new Session(socket as unknown as Socket, parts);
  session.begin({} as Connection);
  return { session, out };
}

const ask = '{"type":"room.close","id":"1","payload":{}}';

test.each([
  ['at once', (result: object) => result],
  ['later', (result: object) => Promise.resolve(result)],
])('what finishes while a message is at hand comes after its answer, given %s', async (_when, given) => {
  const { session, out } = open(() => {
    session.finish('room_closed', last);
    return given({ answer });
  });
  await session.take(ask);
  expect(out).toEqual([answer.text, last.text, 'room_closed']);
});

test('what finishes when its message was answered, since that may have been in vain, does so at once', async () => {
  const { session, out } = open(() => ({ answer, retryable: true }));
  await session.take(ask);
  session.finish('room_closed', last);
  expect(out).toEqual([answer.text, last.text, 'room_closed']);
});
