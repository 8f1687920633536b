import { createCluster } from 'redis';
import { pingIntervalMs } from './ping-watch.ts';
import { accessOf, connectionOptions, connectTimeoutMs, newClient } from './redis.ts';

/** A connection that only listens. Once it has failed it stays so, and is to be closed: another takes its place. */
export interface Listener {
  /** Resolves once it stands. */
  connect(): Promise<void>;
  /** Resolves once nothing that is published to one of the channels can be missed. */
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channel: string): void;
  /** Hash tags that lie on each machine of Redis that delivers messages. */
  tags(): readonly string[];
  /** Ends it at once: nothing is heard any more. */
  close(): void;
}

/** Makes a connection that listens; `onLost` is told when it has failed, and may be so more than once. */
export type Listen = (
  heard: (channel: string, text: string) => void,
  onLost: (error: unknown) => void,
) => Listener;

/** How far to look for a tag: a machine with a hundredth of the slots is found in a hundred or so. */
const maxTagsTried = 10_000;

const options = {
  ...connectionOptions,
  // Not by itself: what it missed meanwhile would be missed without anybody's knowing.
  socket: { connectTimeout: connectTimeoutMs, reconnectStrategy: false },
} as const;

/** @param urls as `connectRedis` takes them */
export function listenTo(urls: readonly string[]): Listen {
  const [url, ...others] = urls;
  if (url === undefined) throw new Error('no address of a Redis');
  return others.length > 0
    ? (...told) => listenToCluster(urls, accessOf(url), ...told)
    : (...told) => listenToOne(url, ...told);
}

function listenToOne(url: string, ...[heard, onLost]: Parameters<Listen>): Listener {
  const client = newClient({ url, ...options, socket: { ...options.socket } }).on('error', onLost);
  const hear = (text: string, channel: string) => heard(channel, text);
  return {
    connect: async () => void (await client.connect()),
    subscribe: (channels) => client.subscribe([...channels], hear),
    unsubscribe: (channel) => void client.unsubscribe(channel, hear).catch(onLost),
    tags: () => ['probe'],
    close: () => client.destroy(),
  };
}

/** By sharded messages: each channel is heard from the machine that its slot lies on. Needs Redis 7. */
function listenToCluster(
  urls: readonly string[],
  { login, tls }: ReturnType<typeof accessOf>,
  ...[heard, onLost]: Parameters<Listen>
): Listener {
  const cluster = createCluster({
    rootNodes: urls.map((url) => ({ url })),
    // What it asks while it looks for the machines cannot be ended from here: it ends by itself.
    defaults: {
      ...options,
      ...login,
      pingInterval: pingIntervalMs,
      socket: { ...options.socket, socketTimeout: 5_000, tls },
    },
    minimizeConnections: true,
  });
  cluster.on('error', onLost).on('node-error', onLost);
  const hear = (text: string, channel: string) => heard(channel, text);
  const onMoved = () => onLost(new Error('slots have moved to another machine'));
  return {
    connect: async () => void (await cluster.connect()),
    subscribe: async (channels) => {
      await Promise.all(channels.map((channel) => cluster.sSubscribe(channel, hear)));
      for (const { pubSub } of cluster.masters) {
        // The library follows them by itself, and what is published meanwhile is missed.
        if (pubSub?.client.listeners('sharded-channel-moved').includes(onMoved)) continue;
        pubSub?.client.on('sharded-channel-moved', onMoved);
      }
    },
    unsubscribe: (channel) => void cluster.sUnsubscribe(channel, hear).catch(onLost),
    tags: () => tagsFor(cluster.slots),
    close: () => cluster.destroy(),
  };
}

/** For each machine that has slots, a tag in one of them; not for one that has next to none. */
function tagsFor(slots: readonly ({ readonly master: object } | undefined)[]): string[] {
  const tags = new Map<object, string>();
  const machines = new Set(slots.flatMap((shard) => shard?.master ?? [])).size;
  for (let n = 0; tags.size < machines && n < maxTagsTried; n += 1) {
    const tag = `probe-${n}`;
    const machine = slots[slotOf(tag)]?.master;
    if (machine !== undefined && !tags.has(machine)) tags.set(machine, tag);
  }
  return [...tags.values()];
}

/** The slot of a hash tag, as the specification of Redis Cluster has it: CRC16 (XMODEM) modulo 16384. */
function slotOf(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return crc & 0x3fff;
}
