import { expect, test } from 'vitest';
import { asked, joined, message, once } from './joined.ts';
import { welcomeOf } from './scripted-server.ts';

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

test('who must wait to be let in anew is told so, and notices a server that falls silent meanwhile', async () => {
  const heartbeat = { intervalMs: 100, timeoutMs: 300 };
  let count = 0;
  const onWaiting = () => {
    count += 1;
  };
  const { server, first, room } = await joined({ onWaiting }, { heartbeat });
  first.cut();
  const second = await server.next();
  second.send('admission.waiting');
  expect((await second.next('session.ping')).payload).toEqual({ t: expect.any(Number) });
  expect([count, room.state]).toEqual([1, 'reconnecting']);
  const third = await server.next();
  third.send('admission.waiting');
  third.send('notice', {}); // counts in no session
  third.send('session.welcome', welcomeOf('client_2', { heartbeat }));
  expect((await once(room, 'restarted')).welcome.self.clientId).toBe('client_2');
  expect((await third.next('session.ping')).payload).toMatchObject({ received: 1 });
});

test('who was told that the server stops comes back at once when it closes, and then waits as ever', async () => {
  const { server, first, room } = await joined();
  const delays: number[] = [];
  room.on('reconnecting', ({ delayMs }) => delays.push(delayMs));
  first.send('session.draining', { reconnectAfterMs: 5_000 });
  first.send('chat.message', message('one'));
  await once(room, 'chat.message'); // until then all goes on
  expect(room.state).toBe('connected');
  server.refuse(1);
  first.close(1012);
  expect(asked(await server.next())).toEqual(['token-of-client_1', '2']);
  expect(delays).toHaveLength(2);
  expect(delays[0]).toBe(0);
  expect(delays[1]).toBeGreaterThan(0);
});

test('a server that stops, and whose close is lost, is left when it is time', async () => {
  const { server, first, room } = await joined();
  const lost = once(room, 'reconnecting');
  first.send('session.draining', { reconnectAfterMs: 0 });
  expect(await lost).toMatchObject({ closeCode: 1006, delayMs: 0 });
  expect(asked(await server.next())).toEqual(['token-of-client_1', '1']);
  expect(await first.closed).toBe(4001);
});
