import { expect, test } from 'vitest';
import type { SessionWelcome } from '../../generated/messages.ts';
import {
  type ConnectOptions,
  connect,
  type RoomConnection,
  type RoomEvents,
} from '../../src/client/index.ts';
import { atScopeEnd } from '../support/scope.ts';
import { type ScriptedSocket, startScripted, welcomeOf } from './scripted-server.ts';

const soon = { baseDelayMs: 10, maxDelayMs: 20 };

/** A client that has joined as `client_1`, and the server's end of its first socket. */
async function joined(more: Partial<ConnectOptions> = {}, welcome: Partial<SessionWelcome> = {}) {
  const server = await startScripted();
  const options = { url: server.url, channel: 'chat', roomId: 'r', token: 'a.b.c', reconnect: soon } as const;
  const connecting = connect({ ...options, ...more });
  const first = await server.next();
  first.send('session.welcome', welcomeOf('client_1', welcome));
  const room = await connecting;
  atScopeEnd(() => room.close());
  return { server, first, room };
}

/** The next event of a connection. */
function once<T extends keyof RoomEvents>(room: RoomConnection, type: T): Promise<RoomEvents[T]> {
  return new Promise((resolve) => {
    const end = room.on(type, (event) => {
      end();
      resolve(event);
    });
  });
}

const message = (text: string) => ({
  messageId: text,
  userId: 'u',
  presenterName: 'U',
  text,
  private: false,
});
const asked = ({ query }: ScriptedSocket) => [query.get('resume'), query.get('received')];

test('a lost connection is resumed with the count of what has come, and nothing is lost or doubled', async () => {
  const { server, first, room } = await joined();
  const heard: string[] = [];
  room.on('chat.message', ({ payload }) => heard.push(payload.text));
  first.send('chat.message', message('one'));
  first.send('chat.typing', { state: 'start' }); // volatile: not counted
  const answered = room.chat.send({ text: 'answered' });
  first.send(
    'ack',
    { result: { messageId: '1', sentAt: '2024-01-15T11:30:00Z' } },
    (await first.next('chat.send')).id,
  );
  await answered;
  const unanswered = [room.chat.send({ text: 'a' }), room.chat.send({ text: 'b' })];
  const ids = [(await first.next('chat.send')).id, (await first.next('chat.send')).id];

  const reconnecting = once(room, 'reconnecting');
  first.cut();
  expect(await reconnecting).toMatchObject({ closeCode: 1006, attempt: 1 });
  expect(room.state).toBe('reconnecting');
  const meanwhile = room.chat.send({ text: 'c' });
  void room.chat.typing({ state: 'start' });

  const second = await server.next();
  expect(asked(second)).toEqual(['token-of-client_1', '3']); // welcome, message, ack
  const resumed = once(room, 'resumed');
  const roster = welcomeOf('client_1', { resumed: true, rosterTotal: 2 });
  second.send('session.welcome', roster); // not counted
  second.send('chat.message', message('two'));
  second.send('ack', {}, ids[0]); // replayed
  expect((await resumed).welcome).toEqual(roster);
  expect([room.welcome.rosterTotal, room.state]).toEqual([2, 'connected']);
  const again = [
    await second.next('chat.send'),
    await second.next('chat.send'),
    await second.next('chat.send'),
  ];
  expect(again.map(({ payload }) => payload.text)).toEqual(['a', 'b', 'c']);
  expect(again.slice(0, 2).map(({ id }) => id)).toEqual(ids);
  const acks: unknown[] = [];
  room.on('ack', ({ replyTo }) => acks.push(replyTo));
  for (const { id } of again) second.send('ack', {}, id); // the first for the second time
  await Promise.all([...unanswered, meanwhile]);
  expect(acks).toEqual(again.slice(1).map(({ id }) => id));
  expect(heard).toEqual(['one', 'two']);

  second.cut();
  expect(asked(await server.next())).toEqual(['token-of-client_1', '8']); // 3, message, ack, 3 acks
});

test('a fresh start is told as one: with the new welcome, and what had no answer rejects', async () => {
  const { server, first, room } = await joined();
  first.send('chat.message', message('one'));
  const sent = room.chat.send({ text: 'sent' });
  await first.next('chat.send');
  const lost = once(room, 'reconnecting');
  first.close(1012);
  await lost;
  const waited = room.chat.send({ text: 'waited' });
  const settled = Promise.allSettled([sent, waited]);
  const second = await server.next();
  expect(asked(second)).toEqual(['token-of-client_1', '2']);
  const restarted = once(room, 'restarted');
  second.send('session.welcome', welcomeOf('client_2'));
  expect(await restarted).toEqual({ welcome: welcomeOf('client_2'), previous: welcomeOf('client_1') });
  expect(room.welcome.self.clientId).toBe('client_2');
  expect(await settled).toMatchObject([{ reason: { name: 'Unanswered' } }, { reason: { name: 'NotSent' } }]);
  void room.chat.send({ text: 'new' }).catch(() => {}); // never answered
  expect((await second.next('chat.send')).payload.text).toBe('new');
  second.cut();
  expect(asked(await server.next())).toEqual(['token-of-client_2', '1']);
});

test.each([1001, 1012, 4001, 4002, 4005, 4321])('after %i the client comes back', async (code) => {
  const { server, first, room } = await joined();
  const lost = once(room, 'reconnecting');
  first.close(code);
  expect((await lost).closeCode).toBe(code);
  expect(asked(await server.next())).toEqual(['token-of-client_1', '1']);
});

test.each([1000, 1005, 1008, 1011, 4500, 4503, 4999])('after %i the connection is over', async (code) => {
  const { first, room } = await joined();
  const sent = room.chat.send({ text: 'sent' }).catch((error: unknown) => error);
  await first.next('chat.send');
  if (code === 1005) first.close();
  else first.close(code);
  expect(await room.closed).toMatchObject({ closeCode: code });
  expect(await sent).toMatchObject({ name: 'ConnectionClosed', closeCode: code });
  expect(room.state).toBe('closed');
});

test('attempts that are refused are followed by others, up to a limit', async () => {
  const { server, first, room } = await joined({ reconnect: { ...soon, maxAttempts: 3 } });
  const attempts: number[] = [];
  room.on('reconnecting', ({ attempt }) => attempts.push(attempt));
  server.refuse(2);
  first.cut();
  const second = await server.next();
  expect(attempts).toEqual([1, 2, 3]);
  second.send('session.welcome', welcomeOf('client_1', { resumed: true }));
  await once(room, 'resumed');
  server.refuse(3);
  second.cut();
  expect(await room.closed).toMatchObject({ closeCode: 1006 });
  expect(attempts).toEqual([1, 2, 3, 1, 2, 3]);
});

test('without reconnect the first loss is the end', async () => {
  const { first, room } = await joined({ reconnect: false });
  first.cut();
  expect(await room.closed).toMatchObject({ closeCode: 1006 });
});

test('each attempt asks for a token, and so does a token that ends', async () => {
  let count = 0;
  const token = async () => {
    count += 1;
    if (count === 3) throw new Error('no network');
    return `token.${count}.x`;
  };
  const { server, first, room } = await joined({ token });
  expect(first.token).toBe('token.1.x');
  first.send('session.tokenExpiring', { expiresAt: '2024-01-15T11:30:00Z' });
  expect((await first.next('session.refreshToken')).payload).toEqual({ token: 'token.2.x' });
  first.close(4003);
  const second = await server.next(); // the attempt without a token has failed before
  expect(second.token).toBe('token.4.x');
  second.send('session.welcome', welcomeOf('client_1', { resumed: true }));
  await once(room, 'resumed');
});

test('a plain token ends the connection when it ends, and another one takes its place', async () => {
  const { server, first, room } = await joined();
  const refreshed = room.session.refreshToken({ token: 'd.e.f' });
  const { id } = await first.next('session.refreshToken');
  first.send('session.tokenRefreshed', { tokenExpiresAt: '2024-01-15T11:30:00Z' }, id);
  await refreshed;
  first.cut();
  const second = await server.next();
  expect(second.token).toBe('d.e.f');
  second.send('session.welcome', welcomeOf('client_1', { resumed: true }));
  await once(room, 'resumed');
  second.close(4003);
  expect(await room.closed).toMatchObject({ closeCode: 4003 });
});

test('a server that says nothing any more is left, and what it is sent meanwhile waits', async () => {
  const heartbeat = { intervalMs: 100, timeoutMs: 300 };
  const { server, first, room } = await joined({}, { heartbeat });
  first.send('chat.message', message('one'));
  expect((await first.next('session.ping')).payload).toMatchObject({ received: 2 });
  const lost = once(room, 'reconnecting');
  expect(await lost).toMatchObject({ closeCode: 1006 });
  const sent = room.chat.send({ text: 'late' });
  const second = await server.next();
  expect(await first.closed).toBe(4001); // after which the server lets it resume
  first.send('chat.message', message('of the old socket'));
  second.send('session.welcome', welcomeOf('client_1', { resumed: true, heartbeat }));
  const { id, payload } = await second.next('chat.send');
  expect(payload.text).toBe('late');
  second.send('ack', {}, id);
  await sent;
});

test('who leaves does not come back', async () => {
  const { server, first, room } = await joined();
  const left = room.session.leave({}).catch(({ closeCode }) => closeCode);
  await first.next('session.leave');
  first.cut();
  expect(await left).toBe(1006);
  expect(await room.closed).toMatchObject({ closeCode: 1006 });
  const other = await joined();
  const lost = once(other.room, 'reconnecting');
  other.first.cut();
  await lost;
  void other.room.session.leave({}).catch(() => {});
  const second = await other.server.next();
  second.send('session.welcome', welcomeOf('client_2')); // what was to be left is gone already
  expect(await second.closed).toBe(1005);
  expect((await other.room.closed).closeCode).toBe(1005);
  expect(await server.idle()).toBe(true);
});

test('who closes while the connection is lost does not come back', async () => {
  const { server, first, room } = await joined({ reconnect: { baseDelayMs: 50, maxDelayMs: 50 } });
  const lost = once(room, 'reconnecting');
  first.cut();
  await lost;
  room.close();
  expect(await room.closed).toMatchObject({ closeCode: 1006 });
  await expect(room.chat.send({ text: 'late' })).rejects.toMatchObject({ name: 'ConnectionClosed' });
  expect(await server.idle()).toBe(true);
});
