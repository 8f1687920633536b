import { createHash } from 'node:crypto';
import { createClient, createCluster } from 'redis';

/** A Lua script, and the name by which Redis knows it once it has seen it. */
export interface Script {
  readonly lua: string;
  readonly sha1: string;
}

/** Redis, or a Redis Cluster: all that the stores need of it. Keys of one call lie in one slot. */
export interface Redis {
  /** Sends one command about one key: `command('HGET', key, field)`. */
  command(name: string, key: string, ...args: readonly (string | number)[]): Promise<unknown>;
  /** Runs a script: atomically, and in one round trip. */
  run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /** Ends the connections at once. */
  close(): void;
}

/** What became of the connection, for the log. */
export interface RedisEvents {
  readonly onError: (error: unknown) => void;
}

/** How long a command may take: after that the caller goes on without an answer. */
export const commandTimeoutMs = 100;

/** How many commands may wait for their answers: while Redis hangs, more are refused. */
const maxQueued = 10_000;

export function script(lua: string): Script {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

/**
 * Connects, and stays connected: it comes back by itself. Resolves once the first connection stands; rejects where that
 * fails. While there is none, commands reject at once.
 *
 * @param urls one address (`redis://`, `rediss://`), or several of a Redis Cluster
 */
export async function connectRedis(urls: readonly string[], { onError }: RedisEvents): Promise<Redis> {
  const [url, ...others] = urls;
  if (url === undefined) throw new Error('no address of a Redis');
  let hasConnected = false;
  const options = {
    disableOfflineQueue: true,
    commandsQueueMaxLength: maxQueued,
    // One that hangs is left, so that what waits for it does not wait for ever.
    pingInterval: 1_000,
    socket: {
      connectTimeout: 2_000,
      socketTimeout: 5_000,
      reconnectStrategy: (retries: number, cause: Error) =>
        hasConnected ? Math.min(50 * 2 ** retries, 1_000) : cause,
    },
  };
  if (others.length > 0) {
    const cluster = createCluster({ rootNodes: urls.map((each) => ({ url: each })), defaults: options });
    await cluster.on('error', onError).connect();
    hasConnected = true;
    return facade(
      (key, args) => cluster.sendCommand(key, false, args),
      () => cluster.destroy(),
    );
  }
  const client = createClient({ url, ...options });
  await client.on('error', onError).connect();
  hasConnected = true;
  return facade(
    (_key, args) => client.sendCommand(args),
    () => client.destroy(),
  );
}

function facade(send: (key: string, args: string[]) => Promise<unknown>, close: () => void): Redis {
  const sendInTime = (key: string, args: string[]) => inTime(send(key, args));
  return {
    command: (name, key, ...args) => sendInTime(key, [name, key, ...args.map(String)]),
    async run({ lua, sha1 }, keys, args) {
      const rest = [String(keys.length), ...keys, ...args.map(String)];
      try {
        return await sendInTime(keys[0] ?? '', ['EVALSHA', sha1, ...rest]);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return sendInTime(keys[0] ?? '', ['EVAL', lua, ...rest]);
      }
    },
    close,
  };
}

/** The library limits how long a command waits to be sent, and not how long its answer may take. */
function inTime<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`Redis has not answered within ${commandTimeoutMs} ms`));
    // Not before what has arrived is read: where this process itself hung, Redis is not the one that is late.
    const timer = setTimeout(() => setImmediate(late), commandTimeoutMs);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
