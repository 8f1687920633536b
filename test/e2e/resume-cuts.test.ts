import { expect, test } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { Returning } from '../support/returning.ts';
import { startServer } from '../support/server.ts';
import { join, valueAt } from '../support/socket.ts';

/** Numbered messages in all, of all senders. */
const count = 500;
const cuts = 20;

test('a client that is cut 20 times at any point has each of 500 messages of three senders once, in order', {
  timeout: 60_000,
}, async () => {
  const server = await startServer({ RESUME_WINDOW_MS: '60000', MESSAGE_BUDGET_SCALE: '1000' });
  const path = '/ws/zoom/cuts';
  const senders: Awaited<ReturnType<typeof join>>[] = [];
  for (const sub of ['a', 'b', 'c']) senders.push(await join(server, path, server.token({ sub })));
  const proxy = await startProxy(server.port);
  const token = server.token({ sub: 'reader' });
  const reader = await Returning.join(proxy, path, token);

  const sentBy = new Map<string, string[]>(senders.map(({ clientId }) => [clientId, []]));
  let sent = 0;
  /** Each of so many messages goes to all, or to the reader alone; and waits until it is under way. */
  const sendSome = async (some: number) => {
    for (let n = 0; n < some && sent < count; n += 1) {
      sent += 1;
      const { socket, clientId } = senders[sent % senders.length] ?? reader;
      sentBy.get(clientId)?.push(`${sent}`);
      const direct = Math.random() < 0.3 && { to: reader.clientId };
      const data = 'x'.repeat(Math.random() * 2_000);
      await socket.ask('signal.data', { topic: `${sent}`, data, ...direct });
    }
  };

  for (let cut = 0; cut < cuts; cut += 1) {
    // Under way before the cut, while there is no connection, and while it comes back.
    const sending = sendSome(25);
    const at = Math.random() * 10;
    await new Promise((resolve) => setTimeout(resolve, at));
    proxy.cut();
    await reader.socket.closed;
    if (Math.random() < 0.5) await sending;
    await reader.back(token);
    expect(reader.isResumed, `after cut ${cut + 1}`).toBe(true);
    await sending;
  }
  await sendSome(count);
  await expect.poll(() => topicsOf(reader).size).toBe(count);
  const got = Map.groupBy(
    reader.frames.filter(({ type }) => type === 'signal.data'),
    ({ from = '' }) => from,
  );
  for (const [clientId, topics] of sentBy) {
    expect(got.get(clientId)?.map(({ payload }) => payload.topic)).toEqual(topics);
  }
  expect(sent).toBe(count);
});

function topicsOf({ frames }: Returning): Set<unknown> {
  return new Set(frames.flatMap(({ payload }) => valueAt(payload, 'topic') ?? []));
}
