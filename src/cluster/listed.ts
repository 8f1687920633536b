import type { RestConnection } from '../rooms/directory.ts';
import { nodesScript } from './lease-scripts.ts';
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

/** What all nodes list but one; of those that cannot be read, nothing, and then it is not complete. */
export async function readOthers(
  redis: Redis,
  nodeKeys: readonly string[],
  own: string,
  keyOf: (node: string) => string,
): Promise<{ readonly lists: readonly Listed[][]; readonly isComplete: boolean }> {
  try {
    const [nodes, late] = (await redis.run(nodesScript, nodeKeys, [])) as [nodes: string[], late: string[]];
    const others = nodes.filter((node) => node !== own);
    const reads = await Promise.allSettled(others.map((node) => readListed(redis, keyOf(node))));
    const lists = reads.flatMap((read) => (read.status === 'fulfilled' ? [read.value] : []));
    // A Redis that was emptied knows none until they have come back; each brings those that it knew.
    const isWhole = nodes.includes(own) && late.length === 0;
    return { lists, isComplete: isWhole && lists.length === others.length };
  } catch {
    return { lists: [], isComplete: false };
  }
}

/** A connection that any node lists. */
export async function findListed(
  redis: Redis,
  nodeKeys: readonly string[],
  keyOf: (node: string) => string,
  clientId: string,
): Promise<Listed | undefined> {
  const [nodes] = (await redis.run(nodesScript, nodeKeys, [])) as [nodes: string[]];
  const found = await Promise.all(nodes.map((node) => redis.command('HGET', keyOf(node), clientId)));
  const text = found.find((each) => typeof each === 'string');
  return typeof text === 'string' ? JSON.parse(text) : undefined;
}

/** A connection as the admin API shows it. */
export function shown({ serial: _, ...connection }: Listed): RestConnection {
  return connection;
}
