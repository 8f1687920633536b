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

/** How long a busy machine may take to answer a test that is about something else. */
export const patientMs = 5_000;

/** A connection to it that ends with the test or the file. */
export async function connectTo(
  { url }: Pick<RedisServer, 'url'>,
  timeoutMs?: number,
): Promise<Redis & Publisher> {
  return connectToAll([url], timeoutMs);
}

/** Two connections, as of two nodes, that wait for a busy machine longer than is promised. */
export async function connectTwice(server: Pick<RedisServer, 'url'>): Promise<[Redis, Redis]> {
  return [await connectTo(server, patientMs), await connectTo(server, patientMs)];
}

/** As `connectRedis`; it ends with the test or the file. */
export async function connectToAll(urls: readonly string[], timeoutMs?: number): Promise<Redis & Publisher> {
  const redis = await connectRedis(urls, { onError: () => {} }, timeoutMs);
  atScopeEnd(() => redis.close());
  return redis;
}

/** A Redis Cluster of one node: it knows every slot, and refuses a call whose keys lie in more than one. */
export async function startClusterServer(): Promise<RedisServer> {
  const [server] = await startClusterServers(1);
  if (server === undefined) throw new Error('no node');
  return server;
}

/** A Redis Cluster of so many nodes, none of which has a replica; they share the slots in order. */
export async function startClusterServers(count: number): Promise<RedisServer[]> {
  const servers: RedisServer[] = [];
  const nodes: Redis[] = [];
  for (let n = 0; n < count; n += 1) {
    const busPort = await freePort();
    const flags = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'];
    const server = await startRedis(undefined, [...flags, '--cluster-port', `${busPort}`]);
    const node = await connectTo(server, patientMs);
    const [from, to] = [n, n + 1].map((part) => Math.floor((16_384 * part) / count));
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', n + 1);
    await node.command('CLUSTER', 'ADDSLOTSRANGE', from ?? 0, (to ?? 0) - 1);
    for (const other of nodes) await other.command('CLUSTER', 'MEET', '127.0.0.1', server.port, busPort);
    servers.push(server);
    nodes.push(node);
  }
  for (const node of nodes) {
    for (;;) {
      const info = String(await node.command('CLUSTER', 'INFO'));
      if (info.includes('cluster_state:ok') && info.includes(`cluster_size:${count}\r`)) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return servers;
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
