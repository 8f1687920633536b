import { beforeAll, describe, expect, test } from 'vitest';
import { script } from '../../src/cluster/redis.ts';
import { allChannel } from '../../src/cluster/redis-broker.ts';
import { probeWindows } from '../../src/cluster/subscriptions.ts';
import type { NodeMessage } from '../../src/rooms/broker.ts';
import type { Place } from '../../src/rooms/connection.ts';
import { brokerSuite } from '../rooms/broker-suite.ts';
import { connectTo, patientMs, startClusterServer, startRedis } from '../support/redis.ts';
import { type BrokerNode, startNode } from './broker-rig.ts';

const room: Place = { roomId: 'r', channel: 'chat' };
const otherChannel: Place = { roomId: 'r', channel: 'zoom' };
const text = '{"type":"signal.offer","payload":{"sdp":"v=0\\r\\n — \\"quoted\\""}}';
const announcement = (n: number): NodeMessage => ({
  kind: 'announce',
  frame: { text: `${n}`, volatile: false },
});
const direct = (n: number): NodeMessage => ({
  kind: 'direct',
  to: 'client_1',
  frame: { text: `${n}`, volatile: false },
});
/** As the room store does it: what it writes, and then the event. */
const eventScript = (command: string) =>
  script(`redis.call('INCR', KEYS[1])
redis.call('${command}', KEYS[2], '2 ' .. ARGV[1] .. ' event ' .. ARGV[2] .. '\\n{}')`);
const eventScripts = { PUBLISH: eventScript('PUBLISH'), SPUBLISH: eventScript('SPUBLISH') };
let tests = 0;
const newPrefix = () => `test${++tests}:`;

describe.each(['one Redis', 'a Redis Cluster'])('on %s', (kind) => {
  let urls: string[];

  beforeAll(async () => {
    const isCluster = kind !== 'one Redis';
    const { url } = isCluster ? await startClusterServer() : await startRedis();
    urls = isCluster ? [url, url] : [url];
  });

  const startNodes = async (count: number): Promise<BrokerNode[]> => {
    const prefix = newPrefix();
    return Promise.all(Array.from({ length: count }, () => startNode(urls, prefix)));
  };
  const startThree = async () => (await startNodes(3)) as [BrokerNode, BrokerNode, BrokerNode];

  brokerSuite('RedisBroker', async () => {
    const [node] = await startNodes(1);
    if (node === undefined) throw new Error('no node');
    const { broker, received, settled } = node;
    return { broker, received, nodeId: node.id.now, settled: () => settled(room) };
  });

  test('each message arrives as it was, at those who follow the channel, and nowhere else', async () => {
    const [one, two, three] = await startThree();
    await Promise.all([one.broker.follow(room), two.broker.follow(room), three.broker.follow(otherChannel)]);
    const messages: NodeMessage[] = [
      { kind: 'announce', frame: { text, volatile: false } },
      {
        kind: 'announce',
        frame: { text, volatile: true },
        from: 'client_a_1',
        except: 'client_a_1',
        only: ['client_b_1', 'client_b_2'],
        alsoWaiting: true,
      },
      { kind: 'announce', frame: { text, volatile: false }, only: [] },
      { kind: 'direct', to: 'client_b_1', frame: { text, volatile: true }, from: 'client_a_1' },
      { kind: 'vacate', clientId: 'client_b_1' },
      {
        kind: 'banned',
        userId: 'a user\nof two lines',
        by: 'admin',
        channel: 'chat',
        until: 7,
        reason: 'spam',
      },
      { kind: 'banned', userId: 'u', by: 'admin', until: 7 },
    ];
    for (const message of messages) one.broker.publish(room, message);
    for (const message of messages) one.broker.send(two.id.now, room, message);
    for (const { settled } of [two, three]) await settled(room, one.broker);
    const arrived = two.received.filter(({ place }) => place.channel === 'chat');
    expect(arrived.map(({ message }) => message)).toStrictEqual([...messages, ...messages]);
    expect(arrived[0]).toStrictEqual({ place: room, origin: one.id.now, message: messages[0] });
    expect([one.received, three.received]).toEqual([[], []]);
    expect([one, two, three].flatMap(({ reports }) => reports)).toEqual([]);
  });

  test('one publish for each message, however many follow; a direct one reaches one node', async () => {
    const nodes = await startThree();
    const [one, two, three] = nodes;
    for (const { broker } of nodes) await broker.follow(room);
    const { publishCommand } = one.redis;
    const calls = async (): Promise<number> => {
      const stats = String(await one.redis.command('INFO', 'commandstats'));
      const found = new RegExp(`cmdstat_${publishCommand.toLowerCase()}:calls=(\\d+)`).exec(stats);
      return Number(found?.[1] ?? 0);
    };
    const before = await calls();
    one.broker.publish(room, announcement(1));
    expect((await calls()) - before).toBe(1);
    one.broker.send(two.id.now, room, direct(2));
    expect((await calls()) - before).toBe(2);
    await expect.poll(() => [two, three].map(({ received }) => received.length)).toEqual([2, 1]);
    expect(one.broker.published).toBe(2);
  });

  test('what has an echo comes back to its own node, too', async () => {
    const [one, two] = await startThree();
    const echo = { ...announcement(2), echo: 'e' } as NodeMessage;
    for (const { broker } of [one, two]) await broker.follow(room);
    one.broker.publish(room, announcement(1));
    one.broker.publish(room, echo);
    await one.settled(room);
    await two.settled(room);
    expect(one.received.map(({ message }) => message)).toEqual([echo]);
    expect(two.received.map(({ message }) => message)).toEqual([announcement(1), echo]);
  });

  test('nobody hears what is followed no more, and no channel is left', async () => {
    const [one, two] = await startThree();
    await two.broker.follow(room);
    two.broker.unfollow(room);
    await two.broker.follow(otherChannel);
    one.broker.publish(room, announcement(1));
    one.broker.publish(otherChannel, announcement(2));
    await expect.poll(() => two.received.map(({ place }) => place)).toEqual([otherChannel]);
    two.broker.unfollow(otherChannel);
    const sharded = one.redis.publishCommand === 'SPUBLISH' ? 'SHARDCHANNELS' : 'CHANNELS';
    await expect.poll(() => one.redis.command('PUBSUB', sharded, 'test*{r}*')).toEqual([]);
    expect(two.subscriptions.size).toBe(0);
  });

  test('announcements, direct messages and events of scripts arrive in the order of their making', async () => {
    const [one, two] = await startThree();
    const prefix = `test${tests}:`;
    await Promise.all([one.broker.follow(room), two.broker.follow(room)]);
    const order: string[] = [];
    const note = (target: unknown[], said: (item: never) => string) => {
      target.push = (...items: unknown[]) => order.push(...items.map((item) => said(item as never)));
    };
    note(two.received, ({ message }: { message: { frame: { text: string } } }) => message.frame.text);
    note(two.events, ({ words }: { words: readonly string[] }) => words[0] ?? '');
    const count = 10_000;
    let last: Promise<unknown> = Promise.resolve();
    for (let n = 0; n < count; n += 1) {
      const kinds = [
        () => one.broker.publish(room, announcement(n)),
        () => one.broker.send(two.id.now, room, direct(n)),
        () => {
          const keys = [`${prefix}{r}:count`, allChannel(prefix, room)];
          // It may be late on a busy machine: only the order counts.
          last = one.redis.run(eventScripts[one.redis.publishCommand], keys, [one.id.now, n]).catch(() => {});
        },
      ];
      kinds[Number('012021102210'[n % 12])]?.();
      if (n % 500 === 499) await last;
    }
    await expect.poll(() => order.length, { timeout: 10_000 }).toBe(count);
    expect(order).toEqual(Array.from({ length: count }, (_, n) => `${n}`));
    expect(one.broker.dropped).toBe(0);
    expect(one.events.length).toBeGreaterThan(count / 4); // its own come to itself too
  });

  test('an unknown version is refused loudly, once; and so is a kind that this version does not have', async () => {
    const [one, two] = await startThree();
    const channel = allChannel(`test${tests}:`, room);
    await two.broker.follow(room);
    for (let n = 0; n < 100; n += 1) await one.redis.publish(channel, `3 newer announce - - - -\n${text}`);
    for (const sent of ['2 odd dance - -\nx', '3 newest announce\n', 'neither words nor a line']) {
      await one.redis.publish(channel, sent);
    }
    await one.redis.publish(channel, '2 broken banned\n{');
    one.broker.publish(room, announcement(1));
    await expect.poll(() => two.received.length).toBe(1);
    expect(two.reports).toEqual([
      { type: 'broker.refused', origin: 'newer', version: '3' },
      { type: 'broker.refused', origin: 'odd', version: '2 dance' },
      { type: 'broker.refused', origin: 'newest', version: '3' },
      { type: 'broker.refused', origin: '', version: '' },
      { type: 'broker.failed', error: expect.any(SyntaxError) },
    ]);
  });

  test('a node that takes another id is reached by that one, once it follows anew', async () => {
    const [one, two] = await startThree();
    await two.broker.follow(room);
    const former = two.id.now;
    two.broker.unfollow(room);
    two.id.now = 'reborn00';
    await two.broker.follow(room);
    one.broker.send(former, room, direct(1));
    one.broker.send('reborn00', room, direct(2));
    await expect.poll(() => two.received).toMatchObject([{ message: { frame: { text: '2' } } }]);
  });

  test('a channel that is followed and left at once is what was said last', async () => {
    const [one, two] = await startThree();
    for (let n = 0; n < 50; n += 1) {
      const followed = two.broker.follow(room);
      if (n % 3 === 0) await followed;
      two.broker.unfollow(room);
      if (n % 7 === 0) await followed;
    }
    await two.broker.follow(room);
    one.broker.publish(room, announcement(1));
    await expect.poll(() => two.received.length).toBe(1);
  });
});

describe('without Redis', () => {
  test('sending neither throws nor keeps what it cannot send, and following is refused in time', async () => {
    const server = await startRedis();
    const one = await startNode([server.url], 'test:', { windows: probeWindows });
    const two = await startNode([server.url], 'test:');
    await two.broker.follow(room);
    const large: NodeMessage = { kind: 'announce', frame: { text: 'x'.repeat(64_000), volatile: false } };
    process.kill(server.pid, 'SIGSTOP');
    for (let n = 0; n < 50_000; n += 1) one.broker.publish(room, large);
    expect(one.broker.dropped).toBeGreaterThan(49_000);
    const startedAt = performance.now();
    await expect(one.broker.follow(room)).rejects.toThrow('100 ms');
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await server.kill();
    await expect.poll(() => one.broker.dropped, { timeout: 5_000 }).toBe(50_000);
    for (let n = 0; n < 50_000; n += 1) one.broker.publish(room, large);
    await expect.poll(() => one.broker.dropped).toBe(100_000);
    await expect(one.broker.follow(room)).rejects.toThrow('nothing is delivered');
    expect(one.subscriptions.size).toBe(0);
    await startRedis(server.port);
    await expect.poll(() => one.subscriptions.delivering, { timeout: 5_000 }).toBe(true);
    await expect.poll(() => two.subscriptions.delivering, { timeout: 5_000 }).toBe(true);
    await expect.poll(async () => one.broker.follow(room), { timeout: 5_000 }).toBeUndefined();
    one.broker.publish(room, announcement(1));
    await expect.poll(() => two.received.length).toBe(1);
    expect(two.received[0]?.message).toEqual(announcement(1));
  });

  test('scripts are known to a Redis that came back empty before anything else is asked of it', async () => {
    const server = await startRedis();
    const redis = await connectTo(server, patientMs);
    await server.kill();
    await startRedis(server.port);
    const increase = eventScripts.PUBLISH;
    const run = () => redis.run(increase, ['{r}:n', '{r}:all'], ['node', 1]).then(() => true);
    await expect.poll(() => run().catch(() => false), { timeout: 5_000 }).toBe(true);
    expect(String(await redis.command('INFO', 'commandstats'))).not.toContain('cmdstat_eval:');
  });
});
