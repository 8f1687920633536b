import { expect, test } from 'vitest';
import type { TelemetryEvent } from '../../src/telemetry.ts';
import { startServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

test('a client that stops reading is ended, the others miss nothing, and memory stays bounded', {
  timeout: 60_000,
}, async () => {
  const closed = Promise.withResolvers<number>();
  const report = (event: TelemetryEvent) => {
    if (event.type === 'socket.closed' && event.connection.identity.userId === 'slow')
      closed.resolve(event.code);
  };
  const server = await startServer({ MESSAGE_BUDGET_SCALE: '1000' }, { report });
  const sender = await join(server, '/ws/chat/busy', server.token({ sub: 'sender' }));
  const reader = await join(server, '/ws/chat/busy', server.token({ sub: 'reader' }));
  const slow = await join(server, '/ws/chat/busy', server.token({ sub: 'slow' }));
  await sender.socket.next('presence.joined');
  slow.socket.ws.pause();

  const data = 'x'.repeat(60_000);
  const before = process.memoryUsage().rss;
  let sent = 0;
  let code: number | undefined;
  void closed.promise.then((value) => {
    code = value;
  });
  // What the operating system and the tap hold comes first, so how many it takes is theirs to say.
  while (code === undefined && sent < 5000) {
    sent += 1;
    sender.socket.send({ type: 'signal.data', payload: { topic: `${sent}`, data } });
    expect((await reader.socket.next('signal.data')).payload.topic).toBe(`${sent}`);
  }
  expect(code).toBe(4002);
  slow.socket.ws.resume(); // within the second that it has, so that the code can be seen on the wire
  expect(await slow.socket.closed).toEqual({ code: 4002, reason: 'slow_consumer' });
  expect(process.memoryUsage().rss - before).toBeLessThan(500_000_000);
  expect((await reader.socket.next('presence.left')).payload.departures).toEqual([
    { clientId: slow.clientId, reason: 'closed' },
  ]);
});
