import { expect } from 'vitest';
import { sayingDegraded } from '../../src/cluster/degraded.ts';
import { Echoes } from '../../src/cluster/echoes.ts';
import { listenTo } from '../../src/cluster/listener.ts';
import { isOfMove } from '../../src/cluster/moves.ts';
import type { Publisher, Redis } from '../../src/cluster/redis.ts';
import { RedisBanStore } from '../../src/cluster/redis-ban-store.ts';
import { RedisBroker } from '../../src/cluster/redis-broker.ts';
import { RedisChatStore } from '../../src/cluster/redis-chat-store.ts';
import { RedisDirectory } from '../../src/cluster/redis-directory.ts';
import { RedisRoomStore } from '../../src/cluster/redis-room-store.ts';
import { RoomCommands } from '../../src/cluster/room-commands.ts';
import { probeWindows, Subscriptions } from '../../src/cluster/subscriptions.ts';
import { chatHandlers } from '../../src/handlers/messages/chat.ts';
import type { NodeMessage } from '../../src/rooms/broker.ts';
import type { Place } from '../../src/rooms/connection.ts';
import type { Domain } from '../../src/rooms/domain.ts';
import type { RoomEvent } from '../../src/rooms/events.ts';
import { connectToAll, patientMs } from '../support/redis.ts';
import { atScopeEnd } from '../support/scope.ts';
import { guestsOf, openTestDomain } from './room-store-guests.ts';

export const room = { roomId: 'r', channel: 'zoom' } as const;
export const patiently = { timeout: 10_000, interval: 10 };

/** A lease as a test says: of nodes that all live, and have done so for long. */
export interface TestLease {
  id: string;
  live: Set<string>;
  readonly epoch: string;
  /** By the clock of Redis, which is also this one. */
  until: number;
  settled: boolean;
}

/** The rooms of one node of several, on real connections, with what a test can do to them. */
export interface RoomNode extends ReturnType<typeof guestsOf> {
  readonly lease: TestLease;
  readonly store: RedisRoomStore;
  readonly directory: RedisDirectory;
  readonly domain: Domain;
  readonly chat: ReturnType<typeof chatHandlers>;
  readonly echoes: Echoes;
  /** All of its commands, which wait as long as a busy machine needs. */
  readonly redis: Redis & Publisher;
  /** What becomes of commands: `cut` refuses them, and the answers of `late` ones are lost. */
  line: 'whole' | 'cut' | 'late';
  /** How many of them there have been, and at most at a time. */
  calls: number;
  mostUnderWay: number;
  /** Whether what others, and it itself, send is kept from it for now; of changes of rooms it hears. */
  holdsMessages: boolean;
  /** Whether it hears nothing: neither of the changes of rooms, nor what others send. */
  isDeaf: boolean;
  /** How many channels of Redis it hears. */
  readonly heard: number;
  /** Who is there as this node knows it, by `order`, and the state. */
  view(place?: Place): unknown;
}

interface RoomNodeOptions {
  readonly roomSize?: number;
  readonly presenceBatchMs?: number;
}

const usualBounds = { maxMessages: 500, maxAgeMs: 60_000 };
/** A wait that may be so much shorter than usual: retries and patience are not what most tests are about. */
const haste = 10;
/** How long an echo may take on a busy machine. */
const echoMs = 1_000;
/** How long after its answer a late command is given up. */
const lateMs = 50;
let nodes = 0;

/** Starts nodes that know of each other; they end with the scope. */
export async function startRoomNodes(
  urls: readonly string[],
  count: number,
  prefix: string,
  options: RoomNodeOptions = {},
): Promise<RoomNode[]> {
  const started: RoomNode[] = [];
  for (let n = 0; n < count; n += 1) started.push(await startRoomNode(urls, prefix, options));
  const live = started.map(({ lease }) => lease.id);
  for (const { lease } of started) lease.live = new Set(live);
  return started;
}

async function startRoomNode(
  urls: readonly string[],
  prefix: string,
  { roomSize = 10_000, presenceBatchMs = 0 }: RoomNodeOptions,
): Promise<RoomNode> {
  const redis = await connectToAll(urls, patientMs);
  const id = `rnode${String(++nodes).padStart(3, '0')}`;
  const lease: TestLease = {
    id,
    live: new Set([id]),
    epoch: '',
    until: Date.now() + 3_600_000,
    settled: true,
  };
  let underWay = 0;
  const line = (call: () => Promise<unknown>) => {
    if (node.line === 'cut') return Promise.reject(new Error('cut off'));
    const answer = call();
    underWay += 1;
    node.calls += 1;
    node.mostUnderWay = Math.max(node.mostUnderWay, underWay);
    const answered = () => {
      underWay -= 1;
    };
    answer.then(answered, answered);
    if (node.line !== 'late') return answer;
    const late = () => new Promise((_, reject) => setTimeout(reject, lateMs, new Error('late')));
    return answer.then(late);
  };
  const stores = sayingDegraded({
    command: (...call) => line(() => redis.command(...call)),
    run: (...call) => line(() => redis.run(...call)),
    close: () => {},
  });
  const clock = {
    now: Date.now,
    later: (run: () => void, ms: number) =>
      void setTimeout(run, ms > 500 && ms < 2_000 ? ms / haste : ms).unref(),
  };
  const windows = { ...probeWindows, answerMs: patientMs };
  const echoes = new Echoes(clock.later, echoMs);
  const onGap = () => void store.reload();
  const subscriptions = new Subscriptions(redis, listenTo(urls), prefix, onGap, () => {}, clock, windows);
  const receiver = {
    message: (place: Place, message: NodeMessage, origin: string) => {
      const take = () => {
        if (isOfMove(message)) return;
        if (origin === lease.id) echoes.hear(message);
        else domain.receive(place, message);
      };
      if (held !== undefined) held.push(take);
      else if (!node.isDeaf) take();
    },
    event: (...event: Parameters<RedisRoomStore['event']>) => {
      if (!node.isDeaf) store.event(...event);
    },
  };
  let held: (() => void)[] | undefined;
  const broker = new RedisBroker(
    subscriptions,
    redis,
    prefix,
    () => lease.id,
    receiver,
    () => {},
  );
  const directory = new RedisDirectory(stores, prefix, lease, clock);
  const commands = new RoomCommands(stores, redis.publishCommand, prefix, lease);
  const store = new RedisRoomStore(commands, directory, broker, lease, roomSize, clock);
  const history = new RedisChatStore(stores, prefix, broker, echoes, lease, usualBounds);
  const heed = (event: RoomEvent) => directory.heed(event);
  const domain = openTestDomain(
    { rooms: store, broker, history, bans: new RedisBanStore(stores, prefix), node: () => lease.id },
    roomSize,
    clock,
    presenceBatchMs,
    heed,
  );
  await redis.command('ZADD', `${prefix}{.nodes}:leases`, lease.until, id); // where lists look for nodes
  await subscriptions.start();
  atScopeEnd(() => subscriptions.stop());
  const node: RoomNode = {
    ...{
      lease,
      store,
      directory,
      domain,
      redis,
      echoes,
      line: 'whole',
      calls: 0,
      mostUnderWay: 0,
      isDeaf: false,
    },
    chat: chatHandlers(domain.views, domain.hub, history, Date.now),
    ...guestsOf(domain, () => lease.id),
    get holdsMessages() {
      return held !== undefined;
    },
    set holdsMessages(holds) {
      const waiting = held ?? [];
      held = holds ? [] : undefined;
      for (const take of waiting) take();
    },
    get heard() {
      return subscriptions.size;
    },
    view: (place = room) => ({
      state: store.get(place),
      roll: domain.views
        .everybody(place)
        .map(({ clientId, order, joinedAt, identity, connectionStatus }) => ({
          ...{ clientId, order, joinedAt, connectionStatus },
          name: identity.presenterName,
        })),
    }),
  };
  return node;
}

/** Waits until nodes agree on who is in a room, in which all of them have somebody. */
export async function untilAgreed(all: readonly RoomNode[], place: Place = room): Promise<void> {
  const [first, ...others] = all;
  for (const other of others) {
    await expect
      .poll(
        () => [other.view(place), JSON.stringify(first?.view(place)) === JSON.stringify(other.view(place))],
        patiently,
      )
      .toEqual([expect.anything(), true]);
  }
}
