import { beforeAll, expect, test } from 'vitest';
import { Echoes } from '../../src/cluster/echoes.ts';
import { listenTo } from '../../src/cluster/listener.ts';
import { type Redis, script } from '../../src/cluster/redis.ts';
import type { RedisBroker } from '../../src/cluster/redis-broker.ts';
import { RedisChatStore } from '../../src/cluster/redis-chat-store.ts';
import type { NodeMessage } from '../../src/rooms/broker.ts';
import type { HistoryBounds } from '../../src/rooms/chat-store.ts';
import type { Announcement } from '../../src/rooms/hub.ts';
import { chatOrderSuite } from '../rooms/chat-order-suite.ts';
import { chatStoreAgreement } from '../rooms/chat-store-agreement.ts';
import { type Clock, chatStoreSuite, idOf, messageOf, place } from '../rooms/chat-store-suite.ts';
import { connectTwice, counting, type RedisServer, startRedis, startRedisCluster } from '../support/redis.ts';
import { atScopeEnd } from '../support/scope.ts';

const dayMs = 86_400_000;
const usual = { maxMessages: 500, maxAgeMs: dayMs };
const lifetimes = script(`
local found = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do found[#found + 1] = redis.call('PTTL', key) end
return found
`);
/** In the place of the broker, which would seal it. */
const noNews = { publishing: (): [string, string, string] => ['PUBLISH', 'news of r', 'news'] };
/** None is awaited: nobody here is to be told. */
const noEchoes = new Echoes(() => {});
/** A lease that never ends. */
const always = { until: Number.MAX_SAFE_INTEGER };
let redis: Redis;
let other: Redis;
let server: RedisServer;
let stores = 0;

beforeAll(async () => {
  server = await startRedis();
  [redis, other] = await connectTwice(server);
});

/** What the keys of a new store begin with. */
const newPrefix = () => `test ${++stores}:`;

const create = (bounds: HistoryBounds, clock: Clock) =>
  new RedisChatStore(redis, newPrefix(), noNews, noEchoes, always, bounds, () => clock.nowMs);

chatStoreSuite('RedisChatStore', create);
chatOrderSuite('RedisChatStore', create);

test('what nodes are sent of a change goes with it, once, and nothing of what is not made', async () => {
  const heard: string[] = [];
  const echoes = new Echoes(() => {});
  const publishing = (_place: unknown, { echo }: Extract<NodeMessage, { kind: 'announce' }>) =>
    ['PUBLISH', 'news of r', `${echo}`] as [string, string, string];
  const listener = listenTo([server.url])(
    (_channel, text) => {
      echoes.hear({ kind: 'announce', frame: { text: '', volatile: false }, echo: text });
    },
    () => {},
  );
  atScopeEnd(() => listener.close());
  await listener.connect();
  await listener.subscribe(['news of r']);
  const broker = { publishing } as Pick<RedisBroker, 'publishing'>;
  const chat = new RedisChatStore(redis, newPrefix(), broker, echoes, always, usual);
  const news = (text: string): Announcement => ({
    tellHere: () => void heard.push(text),
    message: { kind: 'announce', frame: { text, volatile: false } },
  });
  const message = messageOf(2, Date.now());
  const { entry } = message;
  await chat.append(place, messageOf(1, Date.now()));
  expect(heard).toEqual([]);
  await chat.append(place, message, news('sent'));
  expect(heard).toEqual(['sent']);
  expect(await chat.append(place, messageOf(3, Date.now()), news('again'), [idOf(9), idOf(2)])).toEqual({
    messageId: idOf(2),
    sentAt: entry.sentAt,
  });
  await chat.replace(place, { ...entry, text: 'edited' }, news('edited'));
  await chat.remove(place, idOf(2), news('removed'));
  expect(await chat.remove(place, idOf(2), news('no more'))).toBe(false);
  expect(await chat.replace(place, entry, news('no more'))).toBe(false);
  expect([heard, echoes.size]).toEqual([['sent', 'edited', 'removed'], 0]);
  expect((await chat.page(place, 'a', { limit: 9 })).messages).toHaveLength(1);
});

test('what a node says whose lease is over is not kept', async () => {
  const prefix = newPrefix();
  const chat = new RedisChatStore(redis, prefix, noNews, noEchoes, always, usual);
  const late = new RedisChatStore(redis, prefix, noNews, noEchoes, { until: Date.now() - 1_000 }, usual);
  const message = messageOf(1, Date.now());
  await chat.append(place, message);
  for (const said of [
    () => late.append(place, messageOf(2, Date.now())),
    () => late.replace(place, { ...message.entry, text: 'changed' }),
    () => late.remove(place, message.entry.messageId),
    () => late.clear('r'),
    () => late.clear('r', 'chat'),
  ]) {
    await expect(said()).rejects.toThrow('FENCED');
  }
  expect((await chat.page(place, 'a', { limit: 9 })).messages).toEqual([message.entry]);
});

test('what is said and changed on one node is so on the other', async () => {
  const prefix = newPrefix();
  const [here, there] = [redis, other].map(
    (each) => new RedisChatStore(each, prefix, noNews, noEchoes, always, usual),
  );
  if (here === undefined || there === undefined) throw new Error('there are two');
  const [one, two] = [messageOf(1, Date.now()), messageOf(2, Date.now(), ['a'])];
  await here.append(place, one);
  await there.append(place, two);
  for (const node of [here, there]) {
    expect(await node.page(place, 'a', { limit: 9 })).toEqual({
      messages: [one.entry, two.entry],
      more: false,
    });
  }
  await there.replace(place, { ...one.entry, text: 'edited' });
  expect((await here.get(place, idOf(1), 'a'))?.entry.text).toBe('edited');
  expect(await here.remove(place, idOf(1))).toBe(true);
  expect(await there.remove(place, idOf(1))).toBe(false);
  await here.clear('r');
  expect(await there.page(place, 'a', { limit: 9 })).toEqual({ messages: [], more: false });
});

test('of two nodes with different clocks what comes later to Redis comes later, tried again or not', async () => {
  const prefix = newPrefix();
  const here = new RedisChatStore(redis, prefix, noNews, noEchoes, always, usual);
  const late = new RedisChatStore(other, prefix, noNews, noEchoes, always, usual);
  const now = Date.now();
  const one = await here.append(place, messageOf(1, now, undefined, '1', now));
  const two = await late.append(place, messageOf(2, now, undefined, '2', now - 5_000));
  const three = await here.append(place, messageOf(3, now, undefined, '3', now));
  const ids = [one, two, three].map(({ messageId }) => messageId);
  expect(ids).toEqual(ids.toSorted());
  const again = await late.append(place, messageOf(4, now, undefined, '2', now), undefined, [
    idOf(9, now),
    idOf(2, now - 5_000),
  ]);
  expect(again).toEqual(two);
  const { messages } = await late.page(place, 'a', { limit: 9, after: one.messageId });
  expect(messages.map(({ messageId, text }) => [messageId, text])).toEqual([
    [two.messageId, '2'],
    [three.messageId, '3'],
  ]);
});

test('by the clock of Redis messages grow old, and of a silent room nothing is left', async () => {
  const prefix = newPrefix();
  const chat = new RedisChatStore(redis, prefix, noNews, noEchoes, always, { ...usual, maxAgeMs: 1_000 });
  await chat.append(place, messageOf(1, Date.now()));
  const lasting = (await redis.run(lifetimes, [], [prefix])) as number[];
  expect(lasting).toHaveLength(3);
  for (const ms of lasting) expect(ms).toBeLessThanOrEqual(2_000);
  for (const ms of lasting) expect(ms).toBeGreaterThan(0);
  await expect.poll(() => redis.run(lifetimes, [], [prefix]), { timeout: 10_000 }).toEqual([]);
  expect((await chat.page(place, 'a', { limit: 9 })).messages).toEqual([]);
});

test('one round trip for each call, and none that needs more than one slot', async () => {
  const counted = counting(await startRedisCluster());
  const chat = new RedisChatStore(counted, 'signalbox:', noNews, noEchoes, always, usual);
  const message = messageOf(1, Date.now(), ['a', 'b']);
  await chat.append(place, message);
  await chat.get(place, idOf(1), 'a');
  await chat.replace(place, message.entry);
  await chat.page(place, 'a', { limit: 9 });
  await chat.remove(place, idOf(1));
  await chat.clear('r');
  expect(counted.calls).toBe(6);
});

test('a page that others’ private messages hide carries only what it shows', async () => {
  const prefix = newPrefix();
  const chat = new RedisChatStore(redis, prefix, noNews, noEchoes, always, usual);
  await chat.append(place, messageOf(0, Date.now()));
  for (let n = 1; n <= 499; n += 1)
    await chat.append(place, messageOf(n, Date.now(), ['b'], 'x'.repeat(4_000)));
  const statistics = script(`return redis.call('INFO', 'commandstats')`);
  await redis.command('CONFIG', 'RESETSTAT');
  expect(await chat.page(place, 'a', { limit: 50 })).toMatchObject({
    messages: [{ text: '0' }],
    more: false,
  });
  expect(String(await redis.run(statistics, [], []))).toContain('cmdstat_hget:calls=1,');
});

chatStoreAgreement(create);
