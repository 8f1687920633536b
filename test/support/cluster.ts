import { balancerAddress, startBalancer } from './balancer.ts';
import { SignalboxProcess } from './process.ts';
import { startProxy, type TcpProxy } from './proxy.ts';
import { type RedisServer, startRedis } from './redis.ts';
import { type TestServer, testSettings } from './server.ts';
import { mintToken } from './token.ts';
import { watch } from './watch.ts';

/** Where a client connects to, and an administrator asks. */
export type Door = Pick<TestServer, 'port' | 'url' | 'token'>;

/** One node of a cluster: a process of its own. */
export interface ClusterNode extends Door {
  readonly pid: number;
  readonly process: SignalboxProcess;
  /** Stands between this node and Redis. */
  readonly redisProxy: TcpProxy;
  /** Ends it at once (`SIGKILL`), asks it to stop (`SIGTERM`), freezes it (`SIGSTOP`) or wakes it (`SIGCONT`). */
  signal(name: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void;
}

/** Some nodes with one real Redis; `port` and `url` are those of the balancer in front of them. */
export interface Cluster extends Door {
  readonly nodes: readonly ClusterNode[];
  readonly redis: RedisServer;
  /** Starts one more with the same settings, which the balancer does not know. */
  startNode(): Promise<ClusterNode>;
}

/** How a cluster is started. */
export interface ClusterOptions {
  readonly nodes?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Puts the contract checker in front of the balancer. */
  readonly watched?: boolean;
}

/** Several processes start at once, on a machine that may have other things to do. */
const startedWithinMs = 30_000;

/** Starts `signalbox` so many times, as an operator would; all ends with the test or file. */
export async function startCluster({
  nodes: count = 3,
  env = {},
  watched = false,
}: ClusterOptions = {}): Promise<Cluster> {
  const redis = await startRedis();
  const startNode = () => start(redis, env);
  const nodes = await Promise.all(Array.from({ length: count }, startNode));
  const balancer = await startBalancer(nodes.map(({ port }) => port));
  const port = watched ? await watch(balancer.port) : balancer.port;
  return { ...door(port), nodes, redis, startNode };
}

async function start(
  { port: redisPort }: RedisServer,
  env: Readonly<Record<string, string>>,
): Promise<ClusterNode> {
  const redisProxy = await startProxy(redisPort);
  const process = new SignalboxProcess([], {
    ...testSettings,
    LOG_LEVEL: 'info', // which says the port
    TRUSTED_PROXIES: balancerAddress,
    REDIS_URL: `redis://127.0.0.1:${redisProxy.port}`,
    ...env,
  });
  const [, port] = await process.prints(/"url":"http:\/\/[\d.]+:(\d+)"/, startedWithinMs);
  return {
    ...door(Number(port)),
    pid: process.child.pid ?? 0,
    process,
    redisProxy,
    signal: (name) => void process.child.kill(name),
  };
}

function door(port: number): Door {
  return { port, url: `http://127.0.0.1:${port}`, token: (claims) => mintToken(claims) };
}
