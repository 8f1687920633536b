import type { AddressFailures } from '../limits/address.ts';
import { LocalLimitStore } from '../limits/local-limit-store.ts';
import type { NodeMessage, RoomMessage } from '../rooms/broker.ts';
import type { Sought } from '../rooms/carriage.ts';
import type { HistoryBounds } from '../rooms/chat-store.ts';
import type { Clock } from '../rooms/clock.ts';
import type { Place } from '../rooms/connection.ts';
import type { CapacityLimits } from '../rooms/door.ts';
import type { Report, RoomEvent } from '../rooms/events.ts';
import type { Relocation } from '../rooms/relocation.ts';
import { sayingDegraded } from './degraded.ts';
import { Detours, isDetour } from './detours.ts';
import { Echoes } from './echoes.ts';
import { Lease } from './lease.ts';
import { listenTo } from './listener.ts';
import { isOfMove, Moves } from './moves.ts';
import { QuotaByNode } from './quota-by-node.ts';
import { commandTimeoutMs, connectRedis } from './redis.ts';
import { RedisAddressFailures } from './redis-address-failures.ts';
import { RedisBanStore } from './redis-ban-store.ts';
import { type BrokerEvent, RedisBroker } from './redis-broker.ts';
import { RedisChatStore } from './redis-chat-store.ts';
import { RedisConnectionQuota } from './redis-connection-quota.ts';
import { RedisDirectory } from './redis-directory.ts';
import { RedisIdempotencyKeys } from './redis-idempotency-keys.ts';
import { RedisLimitStore } from './redis-limit-store.ts';
import { RedisRoomStore } from './redis-room-store.ts';
import { type LimitsEvent, ResilientLimitStore } from './resilient-limit-store.ts';
import { RoomCommands } from './room-commands.ts';
import { type DeliveryEvent, probeWindows, Subscriptions } from './subscriptions.ts';

/** What becomes of this node among the others, for the log. */
export type ClusterEvent =
  | BrokerEvent
  | DeliveryEvent
  | LimitsEvent
  | {
      /** A connection to Redis has failed, which comes back by itself; and: Redis has not answered for some seconds. */
      readonly type: 'redis.failed' | 'redis.gone';
      readonly error: unknown;
    }
  | {
      /** A fault of ours, in what was to be done about the life of this node. */
      readonly type: 'node.failed';
      readonly error: unknown;
    }
  | {
      readonly type: 'redis.recovered';
      /** For how long it was gone. */
      readonly afterMs: number;
    }
  | {
      /** Redis was emptied, and this node writes back what it holds; a node joined, lost its lease, or was swept by this one. */
      readonly type: 'redis.emptied' | 'node.joined' | 'node.lost' | 'node.swept';
      readonly node: string;
    };

/** How this node takes part. */
export interface ClusterSettings {
  readonly redis: { readonly urls: readonly string[]; readonly prefix: string };
  readonly capacity: CapacityLimits;
  readonly history: HistoryBounds;
}

const sweptAtOnce = 20;
/** How long a node tries to take part. */
const startMs = 5_000;
const startRetryMs = 200;

/**
 * Joins the nodes that share a Redis; rejects where it does not answer. What it gives stands in the place of what a node
 * has that is alone.
 *
 * @param localFailures counts while Redis is gone
 * @param timeoutMs how long a command may take
 */
export async function joinCluster(
  { redis: { urls, prefix }, capacity, history: bounds }: ClusterSettings,
  localFailures: AddressFailures,
  report: Report<ClusterEvent>,
  clock: Clock,
  steadyNow: () => number,
  timeoutMs = commandTimeoutMs,
) {
  const { now } = clock;
  let hasLeft = false;
  /** Nothing is tried again by a node that has left. */
  const later: Clock['later'] = (run, ms) =>
    clock.later(() => {
      if (!hasLeft) run();
    }, ms);
  const ownClock = { now, later };
  /** A node waits so long for another one, where a session moves. */
  const movedMs = 10 * timeoutMs;
  let receive: (place: Place, message: RoomMessage) => void = () => {};
  let relocation: Relocation | undefined;
  const redis = await connectRedis(
    urls,
    { onError: (error) => report({ type: 'redis.failed', error }) },
    timeoutMs,
  );
  const stores = sayingDegraded(redis);

  const lease: Lease = new Lease(
    redis,
    prefix,
    {
      onDead: sweep,
      onLost: (node) => {
        report({ type: 'node.lost', node });
        rooms.lose();
        directory.lose();
      },
      onEmptied: () => {
        report({ type: 'redis.emptied', node: lease.id });
        directory.restore();
        restoreQuota();
        void rooms.restore();
      },
      onFault: (error) => report({ type: 'node.failed', error }),
      onGone: (error) => report({ type: 'redis.gone', error }),
      onRecovered: (afterMs) => {
        report({ type: 'redis.recovered', afterMs });
        void rooms.reload();
      },
    },
    later,
    steadyNow,
  );
  const echoes = new Echoes(later, timeoutMs);
  const detours = new Detours(later, () => relocation?.spoil(), movedMs);
  const onGap = () => {
    echoes.missed();
    detours.missed();
    void rooms.reload();
  };
  const windows = { ...probeWindows, answerMs: timeoutMs };
  const subscriptions = new Subscriptions(redis, listenTo(urls), prefix, onGap, report, ownClock, windows);
  const receiver = {
    message: (place: Place, message: NodeMessage, origin: string) =>
      rooms.inOrder(place, () => take(place, message, origin)),
    event: (...event: Parameters<RedisRoomStore['event']>) => rooms.event(...event),
  };
  const broker = new RedisBroker(subscriptions, redis, prefix, () => lease.id, receiver, report, detours);
  const directory = new RedisDirectory(stores, prefix, lease, ownClock);
  const commands = new RoomCommands(stores, redis.publishCommand, prefix, lease);
  const rooms = new RedisRoomStore(commands, directory, broker, lease, capacity.roomSize, ownClock, detours);
  const moves = new Moves({
    ...{ rooms, commands, broker, directory, detours, lease, clock: ownClock, answerMs: movedMs },
  });
  const nodes = { own: () => lease.id, live: () => lease.live };
  const quota = new RedisConnectionQuota(stores, prefix, capacity, nodes, later);
  const limits = new ResilientLimitStore(
    new RedisLimitStore(redis, prefix),
    new LocalLimitStore(now),
    () => Math.max(1, lease.live.size),
    report,
    later,
  );

  /** Takes a message of another node, or one of this node that has come by. */
  function take(place: Place, message: NodeMessage, origin: string): void {
    if (origin === lease.id && 'echo' in message && isDetour(message.echo)) detours.come(place, message.echo);
    else if (isOfMove(message)) moves.receive(place, message, origin);
    else if (origin === lease.id) echoes.hear(message);
    else receive(place, message);
  }

  /** A Redis that answers is given the time to answer in: many nodes may start at once. */
  async function patiently(start: () => Promise<void>): Promise<void> {
    const until = steadyNow() + startMs;
    for (;;) {
      try {
        return await start();
      } catch (error) {
        if (steadyNow() >= until) throw error;
        await new Promise<void>((resolve) => later(resolve, startRetryMs));
      }
    }
  }

  /** Until it has been done. */
  function restoreQuota(): void {
    quota.restore().catch(() => later(restoreQuota, 1_000));
  }

  /** Takes out whoever was on a node that has died. */
  async function sweep(node: string): Promise<void> {
    const places = await directory.placesOf(node);
    for (let index = 0; index < places.length; index += sweptAtOnce) {
      await Promise.all(places.slice(index, index + sweptAtOnce).map((place) => rooms.sweep(place, node)));
    }
    await directory.forget(node);
    report({ type: 'node.swept', node });
  }

  return {
    rooms,
    broker,
    bans: new RedisBanStore(stores, prefix),
    history: new RedisChatStore(stores, prefix, broker, echoes, lease, bounds),
    quota: new QuotaByNode(quota, nodes.own),
    limits,
    failures: new RedisAddressFailures(redis, prefix, localFailures, steadyNow),
    idempotency: new RedisIdempotencyKeys(stores, prefix, later),
    directory: () => directory,
    node: () => lease.id,
    heed: (event: RoomEvent) => directory.heed(event),
    /** Whether there is another node that could continue a session of this one. */
    hasOthers: () => lease.live.size > 1,
    isDegraded: () => !lease.held || !lease.healthy || !subscriptions.delivering,

    /** Has a session come here that is on another node; as `Moves` says. */
    fetch: (sought: Sought) => moves.fetch(sought),

    /** Takes part from now on; `received` hears what other nodes send, and `relocated` carries moves out. */
    async start(received: typeof receive, relocated: Relocation): Promise<void> {
      receive = received;
      relocation = relocated;
      moves.carriedOutBy(relocated);
      try {
        await Promise.all([patiently(() => lease.start()), patiently(() => subscriptions.start())]);
      } catch (error) {
        await this.stop();
        throw error;
      }
      report({ type: 'node.joined', node: lease.id });
    },

    /**
     * Leaves. The connections of this node must be gone before; where some are not, or Redis could not be told of all,
     * the node is swept.
     */
    async stop(isEmpty = true): Promise<void> {
      await rooms.settle();
      await lease.stop(isEmpty && rooms.owed === 0);
      limits.stop();
      quota.stop();
      subscriptions.stop();
      redis.close();
      hasLeft = true;
    },
  };
}
