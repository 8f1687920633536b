import { v7 as uuidv7 } from 'uuid';
import { beforeAll, expect, test } from 'vitest';
import { chatHandlers } from '../../src/handlers/messages/chat.ts';
import type { Source } from '../../src/rooms/frame.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { patiently, type RoomNode, room, startRoomNodes, untilAgreed } from './room-store-rig.ts';

let server: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  server = await startRedis();
});

type Guest = Awaited<ReturnType<RoomNode['join']>>;

/** Two nodes, each with one client in the room, and one more on the first. */
async function start() {
  const nodes = await startRoomNodes([server.url], 2, `test chat ${++prefixes}:`);
  const [a, b] = nodes as [RoomNode, RoomNode];
  const author = await a.join('author', room);
  const near = await a.join('near', room);
  const far = await b.join('far', room);
  await untilAgreed(nodes);
  return { a, b, author, near, far, all: [author, near, far] };
}

/** A message of a client with this `id`. */
const numbered = (id: string): Source => ({ id, without: () => '{}' });

/** What a client was told of chat, as its type and its text, or the id of what was deleted. */
const heard = ({ told }: Guest) =>
  told
    .filter(([type]) => type.startsWith('chat.'))
    .map(([type, said]) => {
      const { text, messageId } = said as { text?: string; messageId: string };
      return `${type} ${text ?? messageId}`;
    });

/** Everybody has heard this by now, or soon, and then no more. */
async function expectHeard(all: readonly Guest[], said: readonly string[]): Promise<void> {
  await expect.poll(() => all.map(heard), patiently).toEqual(all.map(() => said));
}

const degraded = { code: 'degraded' };

test('who says something has heard it before it is acknowledged, and so has everybody on its node', async () => {
  const { a, author, near, all } = await start();
  const { messageId } = await a.chat['chat.send'](author.connection, { text: 'hi' }, numbered('1'));
  expect([heard(author), heard(near)]).toEqual([['chat.message hi'], ['chat.message hi']]);
  await a.chat['chat.edit'](author.connection, { messageId, text: 'hello' }, numbered('2'));
  expect(heard(near)).toEqual(['chat.message hi', 'chat.edited hello']);
  await a.chat['chat.delete'](author.connection, { messageId }, numbered('3'));
  expect(heard(near)).toHaveLength(3);
  await expectHeard(all, ['chat.message hi', 'chat.edited hello', `chat.deleted ${messageId}`]);
  expect(a.echoes.size).toBe(0);
});

test('what is said on two nodes at once comes in one order to all', async () => {
  const { a, b, author, far, near } = await start();
  const said = Array.from({ length: 100 }, (_, n) => {
    const [node, guest] = n % 2 === 0 ? [a, author] : [b, far];
    return node.chat['chat.send'](guest.connection, { text: `${n}` }, numbered(`${n}`));
  });
  await Promise.all(said);
  await expect.poll(() => heard(far).length, patiently).toBe(100);
  await expect.poll(() => heard(near), patiently).toEqual(heard(far));
});

test('a private message reaches its addressees on all nodes, and nobody else', async () => {
  const { a, b, author, near, far } = await start();
  const other = await b.join('other', room);
  await untilAgreed([a, b]);
  const to = [far.clientId];
  await a.chat['chat.send'](author.connection, { text: 'psst', to }, numbered('1'));
  await a.chat['chat.send'](
    author.connection,
    { text: 'all', to: [near.clientId, other.clientId] },
    numbered('2'),
  );
  await expectHeard([far], ['chat.message psst']);
  await expectHeard([author], ['chat.message psst', 'chat.message all']);
  await expectHeard([near, other], ['chat.message all']);
});

test('a message whose answer is lost is there, and told, once: to its sender too', async () => {
  const { a, author, all } = await start();
  a.line = 'late';
  const { messageId } = await a.chat['chat.send'](author.connection, { text: 'hi' }, numbered('1'));
  a.line = 'whole';
  await expectHeard(all, ['chat.message hi']);
  const { messages } = await a.chat['chat.history'](author.connection, {});
  expect(messages).toMatchObject([{ messageId, text: 'hi' }]);
});

test('what is told late to its own node is told, and sent again it is not there twice', async () => {
  const { a, author, all } = await start();
  const { connection } = author;
  a.holdsMessages = true;
  const said = { text: 'hi' };
  for (let n = 0; n < 2; n += 1) {
    await expect(a.chat['chat.send'](connection, said, numbered('1'))).rejects.toMatchObject(degraded);
  }
  a.holdsMessages = false;
  const { messageId } = await a.chat['chat.send'](connection, said, numbered('1'));
  await expectHeard(all, ['chat.message hi']);

  const edited = { messageId, text: 'hello' };
  a.holdsMessages = true;
  await expect(a.chat['chat.edit'](connection, edited, numbered('2'))).rejects.toMatchObject(degraded);
  a.holdsMessages = false;
  await a.chat['chat.edit'](connection, edited, numbered('2'));
  await expectHeard(all, ['chat.message hi', 'chat.edited hello']);

  a.holdsMessages = true;
  const deleted = a.chat['chat.delete'](connection, { messageId }, numbered('3'));
  await expect(deleted).rejects.toMatchObject(degraded);
  a.holdsMessages = false;
  await a.chat['chat.delete'](connection, { messageId }, numbered('3'));
  await expectHeard(all, ['chat.message hi', 'chat.edited hello', `chat.deleted ${messageId}`]);
  const again = a.chat['chat.delete'](connection, { messageId }, numbered('4'));
  await expect(again).rejects.toMatchObject({ code: 'message_not_found' });
  expect([a.echoes.size, connection.unsure?.size]).toEqual([0, 0]);
});

test('another message is another one, under another id, or with none, or of another client', async () => {
  const { a, author, near, all } = await start();
  a.line = 'cut';
  const said = { text: 'hi' };
  await expect(a.chat['chat.send'](author.connection, said, numbered('1'))).rejects.toMatchObject(degraded);
  a.line = 'whole';
  await a.chat['chat.send'](author.connection, said, numbered('1'));
  await a.chat['chat.send'](author.connection, said, numbered('2'));
  await a.chat['chat.send'](author.connection, said, { ...numbered(''), id: undefined });
  await a.chat['chat.send'](near.connection, said, numbered('1'));
  await expectHeard(all, Array(4).fill('chat.message hi'));
});

test('where a node was deaf its own members are told what it said itself, once', async () => {
  const { a, author, near, far } = await start();
  a.isDeaf = true;
  const said = a.chat['chat.send'](author.connection, { text: 'hi' }, numbered('1'));
  await expect(said).rejects.toMatchObject(degraded);
  await expectHeard([far], ['chat.message hi']);
  expect(heard(near)).toEqual([]);
  a.line = 'late';
  const unsure = a.chat['chat.send'](author.connection, { text: 'ho' }, numbered('2'));
  await expect(unsure).rejects.toMatchObject(degraded);
  a.line = 'whole';
  a.isDeaf = false;
  a.echoes.missed();
  expect(heard(near)).toEqual(['chat.message hi']);
  await a.chat['chat.send'](author.connection, { text: 'hi' }, numbered('1'));
  await a.chat['chat.send'](author.connection, { text: 'ho' }, numbered('2'));
  await expectHeard([author, near, far], ['chat.message hi', 'chat.message ho']);
  expect(a.echoes.size).toBe(0);
});

/** What a node does that makes ids by a clock which is 5 s behind. */
const lateChat = ({ domain: { views, hub, history } }: RoomNode) =>
  chatHandlers(views, hub, history, Date.now, () => uuidv7({ msecs: Date.now() - 5_000 }));

/** The ids of the messages that a client was told of, in that order. */
const idsHeard = ({ told }: Guest) =>
  told
    .filter(([type]) => type === 'chat.message')
    .map(([, said]) => (said as { messageId: string }).messageId);

test('by the clocks of two nodes, 5 s apart, ids are in the order in which all are told; one call each', async () => {
  const { a, b, author, near, far } = await start();
  const late = lateChat(b);
  const calls = a.calls + b.calls;
  const acked: string[] = [];
  for (let n = 0; n < 10; n += 1) {
    const [chat, guest] = n % 2 === 0 ? [a.chat, author] : [late, far];
    acked.push((await chat['chat.send'](guest.connection, { text: `${n}` }, numbered(`${n}`))).messageId);
  }
  const together = Array.from({ length: 100 }, (_, n) => {
    const [chat, guest] = n % 2 === 0 ? [a.chat, author] : [late, far];
    return chat['chat.send'](guest.connection, { text: `at once ${n}` }, numbered(`at once ${n}`));
  });
  acked.push(...(await Promise.all(together)).map(({ messageId }) => messageId));
  expect(a.calls + b.calls - calls).toBe(110);
  await expect.poll(() => idsHeard(far).length, patiently).toBe(110);
  await expect.poll(() => idsHeard(near), patiently).toEqual(idsHeard(far));
  const ids = idsHeard(near);
  expect(ids).toEqual(ids.toSorted());
  expect(ids).toEqual(acked.toSorted());
  expect(ids.slice(0, 10)).toEqual(acked.slice(0, 10));
  for (const n of [0, 50, 60, 109]) {
    const { messages } = await b.chat['chat.history'](far.connection, { after: ids[n] ?? '', limit: 100 });
    expect(messages.map(({ messageId }) => messageId)).toEqual(ids.slice(n + 1, n + 101));
  }
});

test('where answers and echoes are lost, a message of the late clock is acknowledged by the id that all know', async () => {
  const { a, b, author, near, far } = await start();
  const late = lateChat(b);
  await a.chat['chat.send'](author.connection, { text: 'first' }, numbered('1'));

  b.line = 'late'; // and the echo is not
  const told = await late['chat.send'](far.connection, { text: 'told' }, numbered('1'));

  b.line = 'whole';
  b.holdsMessages = true;
  const held = { text: 'held' };
  const unsure = late['chat.send'](far.connection, held, numbered('2'));
  await expect(unsure).rejects.toMatchObject(degraded);
  b.holdsMessages = false;
  const again = await late['chat.send'](far.connection, held, numbered('2'));

  b.isDeaf = true;
  const missed = late['chat.send'](far.connection, { text: 'missed' }, numbered('3'));
  await expect(missed).rejects.toMatchObject(degraded);
  b.line = 'late';
  const lost = late['chat.send'](far.connection, { text: 'lost' }, numbered('4'));
  await expect(lost).rejects.toMatchObject(degraded);
  b.line = 'whole';
  b.isDeaf = false;
  b.echoes.missed();
  const third = await late['chat.send'](far.connection, { text: 'missed' }, numbered('3'));
  const fourth = await late['chat.send'](far.connection, { text: 'lost' }, numbered('4'));

  await expectHeard(
    [author, near],
    ['first', 'told', 'held', 'missed', 'lost'].map((text) => `chat.message ${text}`),
  );
  const [, ...ids] = idsHeard(near);
  expect([told, again, third, fourth].map(({ messageId }) => messageId)).toEqual(ids);
  expect(idsHeard(far)).toEqual(idsHeard(near));
  expect(idsHeard(far)).toEqual(idsHeard(far).toSorted());
  const { messages } = await late['chat.history'](far.connection, {});
  expect(messages.map(({ messageId }) => messageId)).toEqual(idsHeard(near));
  expect(b.echoes.size).toBe(0);
});
