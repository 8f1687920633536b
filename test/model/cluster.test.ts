import { beforeAll, test } from 'vitest';
import type { Redis } from '../../src/cluster/redis.ts';
import { connectTo, patientMs, startRedis } from '../support/redis.ts';
import { type House, openHouse } from './house.ts';
import { playMany, runs } from './play.ts';

const nodeCount = 3;
/** A deed takes several turns of several processes here. */
const clusterRuns = Math.ceil(runs * 0.15);
const deadlineMs = Math.max(110_000, clusterRuns * 700);
/** In so many rounds nothing was to do for Redis, where one would do. */
const idleRounds = 3;

let house: House;

beforeAll(async () => {
  const server = await startRedis();
  const redis = await connectTo(server, patientMs);
  const env = { REDIS_URL: server.url, REDIS_PREFIX: 'model:' };
  house = await openHouse(
    Array.from({ length: nodeCount }, () => env),
    () => idle(redis),
  );
});

/**
 * Resolves when Redis has had nothing to do for the nodes for a while: what follows from a deed on other nodes goes by
 * Redis, and so does what follows from that.
 *
 * The nodes are in this process, so that each round gives each of them a turn: what Redis has sent to them before it
 * answers us is read in that turn, and what they ask for in it is counted in the next round.
 */
async function idle(redis: Redis): Promise<void> {
  let last = -1;
  for (let rounds = 0; rounds < idleRounds; ) {
    const info = String(await redis.command('INFO', 'stats'));
    const count = Number(/^total_commands_processed:(\d+)/m.exec(info)?.[1]);
    rounds = count === last + 1 ? rounds + 1 : 0; // our own is one
    last = count;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('three nodes do as the model of one does', { timeout: deadlineMs + 10_000 }, async () => {
  const ports = house.nodes.map(({ port }) => port);
  await playMany(house, ports, clusterRuns, deadlineMs);
});
