import { expect, test } from 'vitest';
import { connect, type RoomConnection } from '../../src/client/index.ts';
import { startProxy, type TcpProxy } from '../support/proxy.ts';
import { atScopeEnd } from '../support/scope.ts';
import { startServer, type TestServer } from '../support/server.ts';

const perSender = 300;
const cuts = 20;
const env = {
  RESUME_WINDOW_MS: '60000',
  MESSAGE_BUDGET_SCALE: '1000',
  CHAT_HISTORY_MESSAGES: '1000',
  // All that is said, so that a machine that is busy while a client is away does not make it begin anew.
  RESUME_BUFFER_MESSAGES: '1000',
  RESUME_BUFFER_BYTES: '524288',
  HEARTBEAT_INTERVAL_MS: '500',
  HEARTBEAT_TIMEOUT_MS: '1500',
};

/** A client of the SDK, with what it hears: by sender the texts, and what becomes of its connection. */
async function enter(server: TestServer, port: number, sub: string) {
  const room = await connect({
    url: `ws://127.0.0.1:${port}`,
    channel: 'chat',
    roomId: 'r',
    token: server.token({ sub }),
    reconnect: { baseDelayMs: 20, maxDelayMs: 50 },
  });
  atScopeEnd(() => room.close());
  const heard: Record<string, string[]> = {};
  const events: string[] = [];
  room.on('chat.message', ({ payload: { userId, text } }) => {
    heard[userId] = [...(heard[userId] ?? []), text];
  });
  room.on('resumed', () => events.push('resumed'));
  room.on('restarted', () => events.push('restarted'));
  return { room, heard, events };
}

const texts = Array.from({ length: perSender }, (_, n) => `${n}`);

/** Says all, some at a time, whether or not there is a connection; resolves when each is answered. */
async function sayAll(room: RoomConnection): Promise<void> {
  const answers: Promise<unknown>[] = [];
  for (const text of texts) {
    answers.push(room.chat.send({ text }));
    if (answers.length % 10 === 0) await new Promise((later) => setTimeout(later, 20));
  }
  await Promise.all(answers);
}

/** Cuts at any time, each time once the connection is back. */
async function cutAgainAndAgain(proxy: TcpProxy, room: RoomConnection): Promise<void> {
  for (let n = 0; n < cuts; n += 1) {
    await new Promise((later) => setTimeout(later, Math.random() * 40));
    const back = new Promise<void>((resolve) => {
      const end = room.on('resumed', () => {
        end();
        resolve();
      });
    });
    proxy.cut();
    await back;
  }
}

test('over 20 cuts nothing that the SDK says or hears is lost, comes twice, or out of order', {
  timeout: 60_000,
}, async () => {
  const server = await startServer(env);
  const proxy = await startProxy(server.port);
  const near = await enter(server, server.port, 'near');
  const far = await enter(server, proxy.port, 'far');
  const { clientId } = far.room.welcome.self;
  await Promise.all([sayAll(near.room), sayAll(far.room), cutAgainAndAgain(proxy, far.room)]);

  expect(far.events).toEqual(Array.from({ length: cuts }, () => 'resumed'));
  expect(far.room.welcome.self.clientId).toBe(clientId);
  // Of what was said last the answer may have come first: to another client, on another node.
  for (const { heard } of [far, near]) {
    await expect.poll(() => heard, { timeout: 5_000 }).toEqual({ near: texts, far: texts });
  }
  expect(near.events).toEqual([]);
});

test('beyond what is kept there is a fresh start, which says so', async () => {
  const server = await startServer({ ...env, RESUME_BUFFER_MESSAGES: '5' });
  const proxy = await startProxy(server.port);
  const near = await enter(server, server.port, 'near');
  const far = await enter(server, proxy.port, 'far');
  const { clientId } = far.room.welcome.self;
  await proxy.set({ kind: 'refuse' });
  const unsent = far.room.chat.send({ text: 'never' }).catch(({ name }) => name);
  for (const text of texts.slice(0, 10)) await near.room.chat.send({ text });
  const restarted = new Promise<RoomConnection['welcome']>((resolve) => {
    far.room.on('restarted', ({ welcome }) => resolve(welcome));
  });
  await proxy.set({ kind: 'pass' });
  const welcome = await restarted;
  expect(welcome.self.clientId).not.toBe(clientId);
  expect(far.room.welcome).toBe(welcome);
  expect(['NotSent', 'Unanswered']).toContain(await unsent);
  // Nothing in between: not a part of what was missed, but all of it by the history.
  expect(far.heard).toEqual({});
  expect((await far.room.chat.history({})).messages.map(({ text }) => text)).toEqual(texts.slice(0, 10));
});
