import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProxy, type TcpProxy } from '../support/proxy.ts';
import { startRedis } from '../support/redis.ts';
import { atScopeEnd, forFile } from '../support/scope.ts';
import { mintToken } from '../support/token.ts';
import { Subject } from './subject.ts';
import type { Doors } from './talker.ts';

/** Where faults are done: one server, or two nodes with one Redis. */
export interface Stage {
  /** The first is never ended; the last one may be. They are one where there is one server. */
  readonly servers: readonly [Subject, ...Subject[]];
  /** Stands between half of the clients and the first server. */
  readonly network: TcpProxy;
  /** Ends Redis at once, and starts it again on the same port, empty; there is none where there is one server. */
  restartRedis(): Promise<void>;
  /** Between the first server and Redis, and between the last one and Redis. */
  readonly redisNetworks: readonly TcpProxy[];
  /** Where the client of this number connects to. */
  doors(client: number): Doors;
}

/** Half a minute is a second here: as much as fits between a fault that nobody notices and one that all do. */
const settings = {
  HEARTBEAT_INTERVAL_MS: '500',
  HEARTBEAT_TIMEOUT_MS: '1200',
  RESUME_WINDOW_MS: '6000',
  RESUME_BUFFER_MESSAGES: '128',
  MESSAGE_BUDGET_SCALE: '1000',
  CHAT_HISTORY_MESSAGES: '10000',
  CHAT_HISTORY_MS: '360000', // longer than any jump of the clock
};

/** One server by itself, which keeps the chat on disk. */
export async function startAlone(): Promise<Stage> {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-faults-'));
  atScopeEnd(() => rmSync(directory, { recursive: true, force: true }));
  const server = await Subject.start({ ...settings, DATA_DIR: directory });
  const network = await startProxy(server.port);
  return {
    servers: [server],
    network,
    restartRedis: () => Promise.reject(new Error('there is no Redis')),
    redisNetworks: [],
    doors: (client) => () => [client % 2 === 0 ? network.port : server.port],
  };
}

/** Two nodes with one Redis. */
export async function startPair(): Promise<Stage> {
  let redis = await startRedis();
  const redisNetworks = [await startProxy(redis.port), await startProxy(redis.port)];
  const start = ({ port }: TcpProxy) =>
    Subject.start({ ...settings, REDIS_URL: `redis://127.0.0.1:${port}` });
  const [first, last] = await Promise.all(redisNetworks.map(start));
  if (first === undefined || last === undefined) throw new Error('there are two');
  const network = await startProxy(first.port);
  return {
    servers: [first, last],
    network,
    redisNetworks,
    async restartRedis() {
      await redis.kill();
      redis = await forFile(() => startRedis(redis.port));
    },
    doors(client) {
      const own = client % 2 === 0 ? [network.port, last.port] : [last.port, first.port];
      return () => own;
    },
  };
}

/** Asks a server as an administrator. */
export async function asked(server: Subject, path: string): Promise<unknown> {
  const scope = 'connections:read';
  const token = mintToken({ sub: crypto.randomUUID(), scope });
  const response = await fetch(`http://127.0.0.1:${server.port}/api/connections/${path}`, {
    headers: { authorization: `Bearer ${token}`, connection: 'close' },
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  if (response.headers.get('signalbox-partial') !== null) throw new Error(`${path}: the answer is partial`);
  return response.json();
}
