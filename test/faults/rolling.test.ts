import { expect, test } from 'vitest';
import { type ClusterNode, startCluster } from '../support/cluster.ts';
import { Returning } from '../support/returning.ts';
import { type Frame, valueAt } from '../support/socket.ts';

const path = '/ws/zoom/rolling';
const clients = 12;
const env = { RESUME_WINDOW_MS: '60000', MESSAGE_BUDGET_SCALE: '1000', CHAT_HISTORY_MESSAGES: '10000' };

/** A client that talks, and comes back to whichever node takes it. */
class Talker {
  /** The texts that were acknowledged. */
  readonly acked: string[] = [];
  /** How long it was away, each time, in milliseconds; and whether its session went on. */
  readonly returns: { readonly afterMs: number; readonly isResumed: boolean }[] = [];
  isStopping = false;
  readonly #returning: Returning;
  readonly #token: string;
  readonly #nodes: () => readonly ClusterNode[];

  constructor(returning: Returning, token: string, nodes: () => readonly ClusterNode[]) {
    this.#returning = returning;
    this.#token = token;
    this.#nodes = nodes;
  }

  get returning(): Returning {
    return this.#returning;
  }

  /** Talks until it is told to stop. */
  async talk(name: number): Promise<void> {
    for (let n = 0; !this.isStopping; n += 1) {
      const text = `${name}-${n}`;
      try {
        const { type } = await ask(this.#returning, text, 'chat.send', { text });
        if (type === 'ack') this.acked.push(text);
        await new Promise((resolve) => setTimeout(resolve, 250)); // no more than is kept for who is away
      } catch {
        await this.#comeBack();
      }
    }
  }

  async #comeBack(): Promise<void> {
    const lostAtMs = performance.now();
    await this.#returning.socket.closed;
    for (;;) {
      for (const server of this.#nodes()) {
        try {
          await this.#returning.back(this.#token, { server });
          const { isResumed } = this.#returning;
          this.returns.push({ afterMs: performance.now() - lostAtMs, isResumed });
          return;
        } catch {
          // It is stopping, or busy: another one, or later.
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    }
  }
}

test('each of three nodes is replaced by another one under load: no chat is lost, and all go on within 10 s', async () => {
  const cluster = await startCluster({ env });
  let nodes = [...cluster.nodes];
  const talkers: Talker[] = [];
  for (let n = 0; n < clients; n += 1) {
    const node = nodes[n % nodes.length] ?? never();
    const token = node.token({ sub: `client-${n}` });
    // Each begins with another node, as a load balancer would have it.
    const inTurn = () => nodes.map((_, index) => nodes[(n + index) % nodes.length] ?? never());
    talkers.push(new Talker(await Returning.join(node, path, token), token, inTurn));
  }
  const talking = talkers.map((talker, n) => talker.talk(n));
  for (const old of cluster.nodes) {
    nodes = [...nodes.filter((node) => node !== old), await cluster.startNode()];
    old.signal('SIGTERM');
    expect((await old.process.finished).code).toBe(0);
  }
  for (const talker of talkers) talker.isStopping = true;
  await Promise.all(talking);

  const returns = talkers.flatMap((talker) => talker.returns);
  expect(returns.length).toBeGreaterThanOrEqual(clients);
  const times = returns.map(({ afterMs }) => afterMs).toSorted((one, other) => one - other);
  expect(times[Math.floor(times.length * 0.95)]).toBeLessThan(10_000);
  // A machine that is busy may make some of them begin anew.
  const resumed = returns.filter(({ isResumed }) => isResumed);
  expect(resumed.length / returns.length).toBeGreaterThan(0.8);

  const acked = talkers.flatMap((talker) => talker.acked);
  expect(acked.length).toBeGreaterThan(100);
  const kept = await historyOf(talkers[0] ?? never());
  expect(acked.filter((text) => !kept.has(text))).toEqual([]);
  // Whoever has gone on all the time has heard all that was said, too.
  for (const { returns: own, returning, acked: said } of talkers) {
    if (own.some(({ isResumed }) => !isResumed)) continue;
    const chat = returning.frames.flatMap(({ type, payload }) =>
      type === 'chat.message' ? [String(payload.text)] : [],
    );
    expect(new Set(chat).size).toBe(chat.length);
    expect(said.filter((text) => !chat.includes(text))).toEqual([]);
  }
}, 120_000);

/** Asks by an id that no other message of the session has. */
function ask({ socket }: Returning, id: string, type: string, payload: object): Promise<Frame> {
  socket.send({ type, id, payload });
  return socket.next(({ replyTo }) => replyTo === id);
}

/** All that the channel keeps. */
async function historyOf({ returning }: Talker): Promise<Set<string>> {
  const texts = new Set<string>();
  let before: unknown;
  for (;;) {
    const range = before === undefined ? {} : { before };
    const { payload } = await ask(returning, `history-${texts.size}`, 'chat.history', {
      limit: 100,
      ...range,
    });
    const page = valueAt(payload, 'messages') as { text: string; messageId: string }[];
    for (const { text } of page) texts.add(text);
    if (valueAt(payload, 'more') !== true) return texts;
    before = page[0]?.messageId;
  }
}

function never(): never {
  throw new Error('there are so many');
}
