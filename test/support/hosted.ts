import { type ChildProcess, fork } from 'node:child_process';
import type { Dealing } from './balancer.ts';
import { type Balancer, balancerAddress, startBalancer } from './balancer.ts';
import type { Done, Order } from './hosting.ts';
import { bareEnv } from './process.ts';
import { startRedis } from './redis.ts';
import { atFileEnd, violation } from './scope.ts';

/** Several servers, each in another process, as one. */
export interface HostedServers {
  /** The port of the balancer in front of them. */
  readonly port: number;
  /** Drains them all. */
  drain(): Promise<void>;
  /** Stops them all. */
  stop(): Promise<void>;
}

/** A process that runs servers for this test file. */
class Host {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<string, (done: Done) => void>();
  #last = 0;
  #ended: string | undefined;

  constructor() {
    this.#child = fork('test/support/hosting.ts', { env: bareEnv, execArgv: [] });
    this.#child.on('message', (done: Done) => this.#waiting.get(`${done.act} ${done.server}`)?.(done));
    this.#child.on('exit', (code) => {
      this.#ended = `a process of several servers ended with ${code}`;
      // Also where nobody waits for it: what it died of, it has written to our standard error.
      if (code !== null) violation(this.#ended);
      for (const [key, settle] of this.#waiting) settle(refusal(key, this.#ended));
    });
    atFileEnd(() => this.#child.kill('SIGKILL'));
  }

  /** Starts a server, and gives its number and its port. */
  async start(env: Readonly<Record<string, string>>): Promise<{ server: number; port: number }> {
    this.#last += 1;
    const server = this.#last;
    const { port = 0 } = await this.tell({ server, act: 'start', env });
    return { server, port };
  }

  async tell(order: Order): Promise<Done> {
    const key = `${order.act} ${order.server}`;
    const done = await new Promise<Done>((resolve) => {
      if (this.#ended !== undefined) return resolve(refusal(key, this.#ended));
      this.#waiting.set(key, resolve);
      this.#child.send(order);
    });
    this.#waiting.delete(key);
    if (done.error !== undefined) throw new Error(done.error);
    return done;
  }
}

const hosts: Host[] = [];

/**
 * Starts servers with the same settings in so many processes, with one real Redis, which is new, and a balancer in
 * front. They know the addresses of clients as one server would.
 */
export async function startHosted(
  count: number,
  env: Readonly<Record<string, string>>,
  dealing: Dealing,
): Promise<HostedServers> {
  while (hosts.length < count) hosts.push(new Host());
  const redis = await startRedis();
  const trusted = [env.TRUSTED_PROXIES, balancerAddress].filter(Boolean).join();
  const settings = { ...env, TRUSTED_PROXIES: trusted, REDIS_URL: redis.url };
  const started = await Promise.all(
    hosts.slice(0, count).map(async (host) => ({ host, ...(await host.start(settings)) })),
  );
  const balancer: Balancer = await startBalancer(
    started.map(({ port }) => port),
    dealing,
  );
  const tellAll = async (act: 'drain' | 'stop') => {
    await Promise.all(started.map(({ host, server }) => host.tell({ server, act })));
  };
  return { port: balancer.port, drain: () => tellAll('drain'), stop: () => tellAll('stop') };
}

function refusal(key: string, error: string): Done {
  const [act, server] = key.split(' ');
  return { act: act as Done['act'], server: Number(server), error };
}
