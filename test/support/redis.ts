import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectRedis, type Publisher, type Redis } from '../../src/cluster/redis.ts';
import { freePort } from './free-port.ts';
import { atScopeEnd } from './scope.ts';

/** A real `redis-server` of this test alone, which keeps nothing on disk. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Its process, to be stopped, continued or killed. */
  readonly pid: number;
  /** Ends it at once. */
  kill(): Promise<void>;
}

/**
 * Starts one; on the same port again where `port` says so. It ends with the test or the file that started it.
 *
 * @param flags more of its options, such as `--cluster-enabled yes`
 */
export async function startRedis(port?: number, flags: readonly string[] = []): Promise<RedisServer> {
  const at = port ?? (await freePort());
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-redis-'));
  const child = spawn(
    'redis-server',
    [
      '--port',
      `${at}`,
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      directory,
      ...flags,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit').finally(() => rmSync(directory, { recursive: true, force: true }));
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  atScopeEnd(kill);
  let output = '';
  await new Promise<void>((ready, fail) => {
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.includes('Ready to accept connections')) ready();
    });
    child.on('exit', () => fail(new Error(`redis-server: ${output}`)));
  });
  return { url: `redis://127.0.0.1:${at}`, port: at, pid: child.pid ?? 0, kill };
}

/** A connection to it that ends with the test or the file. */
export async function connectTo({ url }: Pick<RedisServer, 'url'>): Promise<Redis & Publisher> {
  return connectToAll([url]);
}

/** As `connectRedis`; it ends with the test or the file. */
export async function connectToAll(urls: readonly string[]): Promise<Redis & Publisher> {
  const redis = await connectRedis(urls, { onError: () => {} });
  atScopeEnd(() => redis.close());
  return redis;
}

/** A Redis Cluster of one node: it knows every slot, and refuses a call whose keys lie in more than one. */
export async function startClusterServer(): Promise<RedisServer> {
  const server = await startRedis(undefined, [
    '--cluster-enabled',
    'yes',
    '--cluster-announce-ip',
    '127.0.0.1',
  ]);
  const redis = await connectTo(server);
  await redis.command('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
  for (;;) {
    const info = await redis.command('CLUSTER', 'INFO');
    if (String(info).includes('cluster_state:ok')) return server;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A connection to one such, which does not know that it is one. */
export async function startRedisCluster(): Promise<Redis> {
  return connectTo(await startClusterServer());
}

/** Counts what goes to Redis: each call is one round trip. */
export function counting(redis: Redis): Redis & { calls: number } {
  return {
    calls: 0,
    command(...call) {
      this.calls += 1;
      return redis.command(...call);
    },
    run(...call) {
      this.calls += 1;
      return redis.run(...call);
    },
    close: () => redis.close(),
  };
}
