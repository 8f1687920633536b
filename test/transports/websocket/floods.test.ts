import { expect, test } from 'vitest';
import { LocalLimitStore } from '../../../src/limits/local-limit-store.ts';
import type { Connection } from '../../../src/rooms/connection.ts';
import type { Identity } from '../../../src/rooms/identity.ts';
import { Floods } from '../../../src/transports/websocket/floods.ts';
import type { SocketEvent } from '../../../src/transports/websocket/socket-event.ts';

const identity = { subjectKey: 'anna' } as Identity;
const connection = { identity } as Connection;
const unheard = (event: SocketEvent) => expect.unreachable(event.type);

test('the second flood keeps one out, and nobody else', async () => {
  const floods = new Floods(new LocalLimitStore(Date.now), unheard);
  await floods.record(connection);
  await floods.check(identity);
  await floods.record(connection);
  await expect(floods.check(identity)).rejects.toMatchObject({ code: 'rate_limited' });
  await floods.check({ ...identity, subjectKey: 'ben' });
});

test('a store that does not count fails nobody, and is heard of', async () => {
  const error = new Error('gone');
  const events: SocketEvent[] = [];
  const failing = { take: () => Promise.reject(error), blocked: () => undefined };
  await new Floods(failing, (event) => events.push(event)).record(connection);
  expect(events).toEqual([{ type: 'socket.failed', connection, error }]);
});
