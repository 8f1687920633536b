import { beforeAll, test } from 'vitest';
import { newDirectory } from '../support/directory.ts';
import { type House, openHouse } from './house.ts';
import { playMany, runs } from './play.ts';

/** Each chat message waits for the disk. */
const diskRuns = Math.ceil(runs * 0.15);
const deadlineMs = Math.max(110_000, diskRuns * 700);

let house: House;

beforeAll(async () => {
  house = await openHouse([{ DATA_DIR: newDirectory() }]);
});

test('a node that keeps what is said does as the model does', { timeout: deadlineMs + 10_000 }, async () => {
  const ports = house.nodes.map(({ port }) => port);
  await playMany(house, ports, diskRuns, deadlineMs);
});
