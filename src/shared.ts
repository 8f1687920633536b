import type { joinCluster } from './cluster/cluster.ts';
import type { Config } from './config.ts';
import { LocalAddressFailures } from './limits/address.ts';
import { LocalLimitStore } from './limits/local-limit-store.ts';
import { LocalBroker, type NodeMessage } from './rooms/broker.ts';
import type { ChatStore } from './rooms/chat-store.ts';
import type { Clock } from './rooms/clock.ts';
import type { Place } from './rooms/connection.ts';
import type { Directory } from './rooms/directory.ts';
import type { RoomEvent } from './rooms/events.ts';
import { LocalBanStore } from './rooms/local-ban-store.ts';
import { LocalChatStore } from './rooms/local-chat-store.ts';
import { LocalConnectionQuota } from './rooms/local-connection-quota.ts';
import { LocalDirectory } from './rooms/local-directory.ts';
import { LocalIdempotencyKeys } from './rooms/local-idempotency-keys.ts';
import { LocalRoomStore } from './rooms/local-room-store.ts';
import type { Views } from './rooms/views.ts';
import { ConfigError } from './settings.ts';
import type { TelemetryEvent } from './telemetry.ts';

/** Of all rooms together: 320 MB if each had 4,000 characters of two UTF-16 units, a hundredth of it in practice. */
const maxChatMessages = 20_000;
/** Of the file that the history is in where one is: some two million usual messages. */
const maxFileBytes = 1_073_741_824;

/** What is the same for all nodes: of a cluster, or of one that is alone. */
export type Shared = ReturnType<typeof sharedByNobody> | Awaited<ReturnType<typeof joinCluster>>;

/** What a node goes by that is alone: all of it is in this process. */
export function sharedByNobody(config: Config, now: () => number) {
  const { capacity, chatHistoryMessages, chatHistoryMs, addressFailuresPerMinute } = config;
  const bounds = { maxMessages: chatHistoryMessages, maxAgeMs: chatHistoryMs, maxTotal: maxChatMessages };
  const history: ChatStore = new LocalChatStore(bounds, now);
  return {
    rooms: new LocalRoomStore(),
    broker: new LocalBroker(),
    bans: new LocalBanStore(now),
    history,
    quota: new LocalConnectionQuota(capacity),
    limits: new LocalLimitStore(now),
    failures: new LocalAddressFailures(addressFailuresPerMinute),
    idempotency: new LocalIdempotencyKeys(now),
    directory: (views: Views): Directory => new LocalDirectory(views),
    node: () => '',
    heed: (_event: RoomEvent) => {},
    isDegraded: () => false,
    hasOthers: () => false,
    start: async (_received: (place: Place, message: NodeMessage) => void) => {},
    stop: async (_isEmpty?: boolean) => {},
  };
}

/** Joins other nodes where a Redis is set, and keeps what is said where a directory is; else nothing of either is even loaded. */
export async function connectShared(
  config: Config,
  report: (event: TelemetryEvent) => void,
  clock: Clock,
  steadyNow: () => number,
  timeoutMs: number | undefined,
): Promise<Shared> {
  const local = sharedByNobody(config, clock.now);
  const { dataDir, redis, capacity, chatHistoryMessages: maxMessages, chatHistoryMs: maxAgeMs } = config;
  if (dataDir !== undefined) return { ...local, ...(await keepHistory(dataDir, config, report, clock)) };
  if (redis === undefined) return local;
  const { joinCluster } = await import('./cluster/cluster.ts');
  const settings = { redis, capacity, history: { maxMessages, maxAgeMs } };
  try {
    return await joinCluster(settings, local.failures, report, clock, steadyNow, timeoutMs);
  } catch (cause) {
    // Never the address itself, which may hold a password.
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`REDIS_URL: no Redis answers there: ${why}`);
  }
}

/** What a node that is alone has in the place of the history in memory. */
async function keepHistory(
  dataDir: string,
  { chatHistoryMessages: maxMessages, chatHistoryMs: maxAgeMs }: Config,
  report: (event: TelemetryEvent) => void,
  clock: Clock,
): Promise<Pick<Shared, 'history' | 'stop'>> {
  const { openChatStore } = await import('./disk/disk-chat-store.ts');
  try {
    const history = await openChatStore(
      dataDir,
      { maxMessages, maxAgeMs, maxBytes: maxFileBytes },
      report,
      clock,
    );
    return { history, stop: () => history.stop() };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`DATA_DIR: ${dataDir} ${why}`);
  }
}
