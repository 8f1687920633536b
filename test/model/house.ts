import { inspect } from 'node:util';
import type { TelemetryEvent } from '../../src/telemetry.ts';
import { patientMs } from '../support/redis.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** One node of the server. */
export interface HouseNode {
  readonly server: TestServer;
  /** Where the server itself listens, without the tap in front of it. */
  readonly port: number;
}

/** One server for all sequences: of one node, or of several. */
export interface House {
  readonly nodes: readonly HouseNode[];
  /** Mints a token that every node accepts. */
  token(claims: Record<string, unknown>): string;
  /** The `clientId` of the client that has this name in this room. */
  idOf(roomId: string, name: string): string;
  /** Resolves when the server has noticed that this client has no connection any more. */
  gone(clientId: string): Promise<void>;
  /** The time is over for which the server keeps the place of a lost client. */
  expire(clientId: string): void;
  /** From now on, the server keeps no place for this client. */
  forget(clientId: string): void;
  /** What went wrong on a node, as it told itself. */
  readonly faults: string[];
  /** Resolves when every node has heard of all that has been done. */
  quiet(): Promise<void>;
}

const resumeWindowMs = 600_000;
const isFault = /^(history|socket\.failed|request\.failed|broker|delivery|redis|limits|node\.(lost|swept))/;

/**
 * Starts a server that tells who comes and goes, so that nobody has to sleep until a broken connection was noticed, or
 * to be told the id of a client that waits; and whose time is over when we say so.
 *
 * @param envs the settings of each node
 * @param quiet as {@link House.quiet}; a single node has done at once all that follows from a deed
 */
export async function openHouse(
  envs: readonly Readonly<Record<string, string>>[] = [{}],
  quiet: House['quiet'] = async () => {},
): Promise<House> {
  const ids = new Map<string, string>();
  const departures = new Map<string, PromiseWithResolvers<void>>();
  const windows = new Map<string, () => void>();
  const forgotten = new Set<string>();
  const faults: string[] = [];
  const departure = (clientId: string): PromiseWithResolvers<void> => {
    const known = departures.get(clientId) ?? Promise.withResolvers<void>();
    departures.set(clientId, known);
    return known;
  };
  const expire = (clientId: string): void => {
    windows.get(clientId)?.();
    windows.delete(clientId);
  };
  const startNode = async (env: Readonly<Record<string, string>>): Promise<HouseNode> => {
    let [port, lastLost] = [0, ''];
    const report = (event: TelemetryEvent): void => {
      if (event.type === 'server.started') port = Number(new URL(event.url).port);
      if (isFault.test(event.type)) faults.push(inspect(event, { depth: 4 }));
      if (!/^connection\./.test(event.type) || !('connection' in event)) return;
      const { clientId, roomId, identity } = event.connection;
      if (event.type === 'connection.lost') lastLost = clientId;
      if (event.type === 'connection.resumed') departures.delete(clientId);
      else if (/lost|left/.test(event.type)) departure(clientId).resolve();
      else ids.set(`${roomId} ${identity.presenterName}`, clientId);
    };
    const later = (run: () => void, ms: number): void => {
      // What nodes do among themselves takes its time.
      if (ms !== resumeWindowMs) return void setTimeout(run, ms).unref();
      windows.set(lastLost, run);
      if (forgotten.has(lastLost)) expire(lastLost);
    };
    const common = { MESSAGE_BUDGET_SCALE: '1000000', RESUME_WINDOW_MS: `${resumeWindowMs}` };
    const server = await startServer({ ...common, ...env }, { report, later, redisTimeoutMs: patientMs });
    return { server, port };
  };
  const nodes: HouseNode[] = [];
  for (const env of envs) nodes.push(await startNode(env));
  return {
    ...{ nodes, expire, faults, quiet },
    token: (claims) => nodes[0]?.server.token(claims) ?? '',
    idOf: (roomId, name) => ids.get(`${roomId} ${name}`) ?? name,
    gone: (clientId) => departure(clientId).promise,
    forget: (clientId) => {
      forgotten.add(clientId);
      expire(clientId);
    },
  };
}
