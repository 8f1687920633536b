import { createHash } from 'node:crypto';
import { createClient, createCluster } from 'redis';
import { PingWatch, pingIntervalMs } from './ping-watch.ts';

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

/** The way of messages to the connections that listen, see `listener.ts`. */
export interface Publisher {
  /** The command that publishes, also for scripts: on a Redis Cluster it goes by slot, as all about one room does. */
  readonly publishCommand: 'PUBLISH' | 'SPUBLISH';
  /**
   * Publishes after all commands and scripts about the same slot that were called before. Rejects where the connection is
   * lost or too much waits; without a limit of time, since nobody waits for the answer.
   */
  publish(channel: string, text: string): Promise<unknown>;
}

/** What became of the connection, for the log. */
export interface RedisEvents {
  readonly onError: (error: unknown) => void;
}

/** How long a command may take: after that the caller goes on without an answer. */
export const commandTimeoutMs = 100;

/** How many commands may wait for their answers: while Redis hangs, more are refused. */
const maxQueued = 10_000;

/** Every script of this process by its name: each connection makes Redis know them before it asks for anything. */
const scripts = new Map<string, Script>();

/** A script, as `Redis.run` takes it; to be made when a module is loaded, and so before there is a connection. */
export function script(lua: string): Script {
  const made = { lua, sha1: createHash('sha1').update(lua).digest('hex') };
  scripts.set(made.sha1, made);
  return made;
}

/** How each connection is made, but for when it comes back. */
export const connectionOptions = {
  disableOfflineQueue: true,
  // Limited below, where it needs no signal of its own for each command.
  commandOptions: { timeout: 0 },
} as const;
export const connectTimeoutMs = 2_000;

/**
 * The library makes a class of all its commands for each new set of options, which holds up everybody for 50 ms; a
 * duplicate shares that of its original.
 */
const blank = createClient();
export const newClient = (options: Parameters<typeof blank.duplicate>[0]) => blank.duplicate(options);

/**
 * Connects, and stays connected: it comes back by itself. Resolves once the first connection stands; rejects where that
 * fails. While there is none, commands reject at once. Commands about one slot are carried out in the order in which they
 * were called, scripts too: Redis knows them all, unless somebody made it forget them meanwhile.
 *
 * @param urls one address (`redis://`, `rediss://`), or several of a Redis Cluster, all of which take the same password
 * @param timeoutMs how long a command may take
 */
export async function connectRedis(
  urls: readonly string[],
  { onError }: RedisEvents,
  timeoutMs: number = commandTimeoutMs,
): Promise<Redis & Publisher> {
  const [url, ...others] = urls;
  if (url === undefined) throw new Error('no address of a Redis');
  let hasConnected = false;
  const options = {
    ...connectionOptions,
    commandsQueueMaxLength: maxQueued,
    // One that hangs is left, so that what waits for it does not wait for ever.
    pingInterval: pingIntervalMs,
    socket: {
      connectTimeout: connectTimeoutMs,
      socketTimeout: 5_000,
      reconnectStrategy: (retries: number, cause: Error) =>
        hasConnected ? Math.min(50 * 2 ** retries, 1_000) : cause,
    },
  };
  if (others.length > 0) {
    const { login, tls } = accessOf(url);
    const cluster = createCluster({
      rootNodes: urls.map((each) => ({ url: each })),
      defaults: { ...options, ...login, socket: { ...options.socket, tls } },
    });
    const watch = new PingWatch((client) => cluster.masters.some((master) => master.client === client));
    cluster.on('node-ready', ({ host, port }: { host: string; port: number }) => {
      const client = cluster.nodeByAddress.get(`${host}:${port}`)?.client;
      if (client === undefined) return;
      loadScripts((args) => client.sendCommand(args), onError);
      watch.add(client);
    });
    const connecting = cluster.on('error', onError).connect();
    connecting.catch(() => watch.stop());
    await connecting;
    hasConnected = true;
    return facade(
      'SPUBLISH',
      timeoutMs,
      (key, args) => cluster.sendCommand(key, false, args),
      () => {
        watch.stop();
        cluster.destroy();
      },
    );
  }
  const client = newClient({ url, ...options });
  client.on('ready', () => loadScripts((args) => client.sendCommand(args), onError));
  await client.on('error', onError).connect();
  hasConnected = true;
  const watch = new PingWatch();
  watch.add(client);
  return facade(
    'PUBLISH',
    timeoutMs,
    (_key, args) => client.sendCommand(args),
    () => {
      watch.stop();
      client.destroy();
    },
  );
}

/** How to get at any machine of a Redis Cluster: it names them without what the address of one of them says. */
export function accessOf(url: string) {
  const { username, password, protocol } = new URL(url);
  const login = {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  };
  return { login, tls: protocol === 'rediss:' };
}

/** To be called the moment that a connection stands, so that nothing else comes first. */
function loadScripts(send: (args: string[]) => Promise<unknown>, onError: RedisEvents['onError']): void {
  for (const { lua } of scripts.values()) send(['SCRIPT', 'LOAD', lua]).catch(onError);
}

function facade(
  publishCommand: Publisher['publishCommand'],
  timeoutMs: number,
  send: (key: string, args: string[]) => Promise<unknown>,
  close: () => void,
): Redis & Publisher {
  const sendInTime = (key: string, args: string[]) => inTime(send(key, args), timeoutMs);
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
    publishCommand,
    publish: (channel, text) => send(channel, [publishCommand, channel, text]),
    close,
  };
}

/** The library limits how long a command waits to be sent, and not how long its answer may take. */
export function inTime<T>(answer: Promise<T>, timeoutMs: number = commandTimeoutMs): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`Redis has not answered within ${timeoutMs} ms`));
    // Not before what has arrived is read: where this process itself hung, Redis is not the one that is late.
    const timer = setTimeout(() => setImmediate(late), timeoutMs);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
