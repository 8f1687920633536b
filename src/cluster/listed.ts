import type { RestConnection } from '../rooms/directory.ts';
import type { Redis } from './redis.ts';

/** A connection as its node lists it. */
export interface Listed extends RestConnection {
  /** Sorts all connections by when they came. */
  readonly serial: number;
}

const readAtOnce = 1_000;

/** All that a node lists, some at a time, so that nobody waits for long; who comes or goes meanwhile may be among them. */
export async function readListed(redis: Redis, key: string): Promise<Listed[]> {
  // A step may repeat what another one had.
  const listed = new Map<string, Listed>();
  let cursor = '0';
  do {
    const step = await redis.command('HSCAN', key, cursor, 'COUNT', readAtOnce);
    const [next, entries] = step as [string, string[]];
    for (let index = 1; index < entries.length; index += 2) {
      listed.set(entries[index - 1] ?? '', JSON.parse(entries[index] ?? ''));
    }
    cursor = next;
  } while (cursor !== '0');
  return [...listed.values()];
}

/** A connection as the admin API shows it. */
export function shown({ serial: _, ...connection }: Listed): RestConnection {
  return connection;
}

/** The node that made a client id; empty where it is of none. */
export function nodeOf(clientId: string): string {
  return /^client_([a-z0-9]{8})_/.exec(clientId)?.[1] ?? '';
}
