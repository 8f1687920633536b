import { expect, test } from 'vitest';
import { volatileMessages } from '../../generated/messages.ts';
import { type ClusterNode, startCluster } from '../support/cluster.ts';
import { Returning } from '../support/returning.ts';
import { type Frame, join, valueAt } from '../support/socket.ts';
import { listed, within } from './crowd.ts';
import { Numbered, numbersFrom, type Sender } from './numbered.ts';

const volatile: ReadonlySet<string> = volatileMessages;
const path = '/ws/zoom/moves';
const env = { RESUME_WINDOW_MS: '60000', MESSAGE_BUDGET_SCALE: '1000', PRESENCE_BATCH_MS: '0' };

async function start(nodes: number) {
  const cluster = await startCluster({ nodes, env });
  const [one = never(), two = never(), three = two] = cluster.nodes;
  const senders: Sender[] = [];
  for (const [index, sub] of ['a', 'b', 'c'].entries()) {
    const node = [one, two, three][index] ?? one;
    senders.push(await join(node, path, node.token({ sub })));
  }
  const token = cluster.token({ sub: 'reader' });
  const reader = await Returning.join(one, path, token);
  const isReader = ({ type, payload }: Frame) =>
    type === 'presence.joined' && JSON.stringify(payload).includes(reader.clientId);
  const isTold = ({ socket }: Sender) => socket.frames.some(isReader);
  await within(5_000, () => expect(senders.every(isTold)).toBe(true));
  return { cluster, one, two, three, token, senders, reader, numbered: new Numbered(senders, reader) };
}

test('cut 20 times among 500 messages of three senders and back on the other node each time: each once, in order', async () => {
  const { one, two, token, reader, numbered } = await start(2);
  for (let cut = 0; cut < 20; cut += 1) {
    const saying = numbered.say(9);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 15));
    await reader.cut();
    await backAt(cut % 2 === 0 ? two : one, reader, token);
    expect(reader.isResumed, `after cut ${cut + 1}`).toBe(true);
    await saying;
  }
  expect(numbered.count).toBeGreaterThan(500);
  await numbered.expectWhole();
  // It is there once, for all nodes.
  for (const node of [one, two]) {
    const ids = await listed(node, '?roomId=moves');
    expect(ids.filter((id) => id === reader.clientId)).toHaveLength(1);
    expect(ids).toHaveLength(4);
  }
}, 60_000);

test.each([
  ['has the session', 0],
  ['its client comes to', 1],
])(
  'Redis was late for the node that %s: it moves all the same, and each is heard once',
  async (_which, late) => {
    const { one, two, token, senders, reader } = await start(2);
    const { redisProxy } = [one, two][late] ?? never();
    const sender = senders[late] ?? never();
    await redisProxy.set({ kind: 'stall' });
    expect(await sender.socket.ask('presence.update', { metadata: { n: '1' } })).toMatchObject({
      type: 'ack',
    });
    await new Promise((resolve) => setTimeout(resolve, 200)); // the others have not been told, as far as the node knows
    await redisProxy.set({ kind: 'pass' });
    await reader.cut();
    await backAt(two, reader, token);
    expect(reader.isResumed).toBe(true);
    await sender.socket.ask('presence.update', { metadata: { n: '2' } });
    await within(5_000, () => expect(numbersFrom(reader, sender.clientId).at(-1)).toBe(2));
    expect(numbersFrom(reader, sender.clientId)).toEqual([1, 2]);
  },
  60_000,
);

test('the node that has the session dies: a fresh start, and the chat is whole by its history', async () => {
  const { one, two, token, senders, reader } = await start(2);
  const [, onOther = never()] = senders;
  await onOther.socket.ask('chat.send', { text: '1' });
  one.signal('SIGKILL');
  await reader.socket.closed;
  const said = onOther.socket.ask('chat.send', { text: '2' });
  const before = reader.clientId;
  await reader.back(token, { server: two });
  expect(reader.isResumed).toBe(false);
  expect(reader.clientId).not.toBe(before);
  await said;
  await onOther.socket.ask('chat.send', { text: '3' });
  const history = await reader.socket.ask('chat.history');
  expect(valueAt(history.payload, 'messages')).toMatchObject([{ text: '1' }, { text: '2' }, { text: '3' }]);
  // The session that was lost with its node ends, as all that was there.
  await within(20_000, async () => {
    const left = onOther.socket.frames.filter(({ type }) => type === 'presence.left');
    const departures = left.flatMap(
      ({ payload }) => valueAt(payload, 'departures') as { clientId: string }[],
    );
    expect(departures.map(({ clientId }) => clientId)).toContain(before);
  });
}, 60_000);

test('two nodes ask for a session at once: one has it in the end, or none', async () => {
  const { one, two, three, token, reader, numbered } = await start(3);
  for (let round = 0; round < 5; round += 1) {
    const saying = numbered.say(3);
    const resumeToken = reader.resumeToken;
    await reader.cut();
    const query = `?resume=${resumeToken}&received=${reader.received}`;
    const both = await Promise.all([two, three].map((node) => join(node, path + query, token)));
    await saying;
    // Who came first is replaced by the second, or ended for it; or the second has begun anew.
    const ids = new Set(both.map(({ clientId }) => clientId));
    if (ids.size < 2) {
      const closes = both.map(({ socket }) => socket.closed);
      expect(await Promise.race(closes)).toMatchObject({ code: 4503 });
    }
    await within(5_000, async () => {
      const open = both.filter(({ socket }) => socket.ws.readyState === socket.ws.OPEN);
      const there = (await listed(one, '?roomId=moves&status=connected')).filter((id) => ids.has(id));
      expect(there).toEqual(open.map(({ clientId }) => clientId).toSorted());
      expect(await listed(one, '?roomId=moves')).toHaveLength(3 + open.length);
    });
    for (const { socket } of both) await socket.close();
    await reader.back(token, { server: two });
    expect(reader.isResumed).toBe(false);
    await within(5_000, async () => expect(await listed(one, '?roomId=moves')).toHaveLength(4));
  }
}, 60_000);

test('a node stops under load: its clients go on elsewhere, and miss nothing', async () => {
  const { one, two, three, token, senders, reader } = await start(3);
  const staying = senders.filter((_, index) => index > 0);
  const numbered = new Numbered(staying, reader);
  const [first = never()] = senders;
  let isOver = false;
  const talking = (async () => {
    while (!isOver) {
      await numbered.say(1);
      await new Promise((resolve) => setTimeout(resolve, 10)); // no more than is kept for who is away
    }
  })();
  one.signal('SIGTERM');
  expect(await reader.socket.closed).toMatchObject({ code: 1012 });
  await backAt(two, reader, token);
  expect(reader.isResumed).toBe(true);
  await first.socket.closed;
  await join(
    three,
    `${path}?resume=${resumeTokenOf(first)}&received=${receivedBy(first)}`,
    three.token({ sub: 'a' }),
  );
  expect((await one.process.finished).code).toBe(0);
  isOver = true;
  await talking;
  await numbered.expectWhole();
  for (const node of [two, three] as ClusterNode[])
    expect(await listed(node, '?roomId=moves')).toHaveLength(4);
}, 60_000);

/** A machine that is busy may make Redis late: then who comes is told to come again. */
async function backAt(server: ClusterNode, reader: Returning, token: string): Promise<void> {
  for (let refusals = 0; refusals < 3; refusals += 1) {
    const refusal = await reader.back(token, { server }).then(
      () => undefined,
      (error: unknown) => String(error),
    );
    if (refusal === undefined) return;
    expect(refusal).toMatch(/503/);
  }
}

function resumeTokenOf({ socket }: Sender): string {
  const welcome = socket.frames.find(({ type }) => type === 'session.welcome');
  return String(welcome?.payload.resumeToken);
}

function receivedBy({ socket }: Sender): number {
  return socket.frames.filter(({ type }) => !volatile.has(type)).length;
}

function never(): never {
  throw new Error('there are so many');
}
