import type { TelemetryEvent } from '../../src/telemetry.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** One server for all sequences. */
export interface House {
  readonly server: TestServer;
  /** Where the server itself listens, without the tap in front of it. */
  readonly port: number;
  /** The `clientId` of the client that has this name in this room. */
  idOf(roomId: string, name: string): string;
  /** Resolves when the server has noticed that this client has no connection any more. */
  gone(clientId: string): Promise<void>;
  /** The time is over for which the server keeps the place of a lost client. */
  expire(clientId: string): void;
  /** From now on, the server keeps no place for this client. */
  forget(clientId: string): void;
}

/**
 * Starts a server that tells who comes and goes, so that nobody has to sleep until a broken connection was noticed, or
 * to be told the id of a client that waits; and whose time is over when we say so.
 */
export async function openHouse(): Promise<House> {
  let [port, lastLost] = [0, ''];
  const ids = new Map<string, string>();
  const departures = new Map<string, PromiseWithResolvers<void>>();
  const windows = new Map<string, () => void>();
  const forgotten = new Set<string>();
  const departure = (clientId: string): PromiseWithResolvers<void> => {
    const known = departures.get(clientId) ?? Promise.withResolvers<void>();
    departures.set(clientId, known);
    return known;
  };
  const report = (event: TelemetryEvent): void => {
    if (event.type === 'server.started') port = Number(new URL(event.url).port);
    if (!/^connection\./.test(event.type) || !('connection' in event)) return;
    const { clientId, roomId, identity } = event.connection;
    if (event.type === 'connection.lost') lastLost = clientId;
    if (/lost|left/.test(event.type)) departure(clientId).resolve();
    else ids.set(`${roomId} ${identity.presenterName}`, clientId);
  };
  const expire = (clientId: string): void => {
    windows.get(clientId)?.();
    windows.delete(clientId);
  };
  /** Nothing else that the server waits for is asked for here. */
  const later = (run: () => void): void => {
    windows.set(lastLost, run);
    if (forgotten.has(lastLost)) expire(lastLost);
  };
  const env = { MESSAGE_BUDGET_SCALE: '1000000', RESUME_WINDOW_MS: '600000' };
  const server = await startServer(env, { report, later });
  return {
    ...{ server, port, expire },
    idOf: (roomId, name) => ids.get(`${roomId} ${name}`) ?? name,
    gone: (clientId) => departure(clientId).promise,
    forget: (clientId) => {
      forgotten.add(clientId);
      expire(clientId);
    },
  };
}
