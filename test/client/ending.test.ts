import { expect, test } from 'vitest';
import { joined, once, soon } from './joined.ts';
import { welcomeOf } from './scripted-server.ts';

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
