import { beforeAll, expect, test } from 'vitest';
import { type House, openHouse } from './house.ts';
import { playMany, runs } from './play.ts';

const deadlineMs = Math.max(110_000, runs * 110);

let house: House;

beforeAll(async () => {
  house = await openHouse();
});

// Through the tap every byte is parsed and checked twice, which takes most of the time: these are few.
test('under the eyes of the contract checker', { timeout: deadlineMs + 10_000 }, async () => {
  const ports = house.nodes.map(({ server }) => server.port);
  await playMany(house, ports, Math.ceil(runs / 20), deadlineMs);
});

test('the server does as the model does', { timeout: deadlineMs + 10_000 }, async () => {
  const ports = house.nodes.map(({ port }) => port);
  expect(ports).not.toEqual(house.nodes.map(({ server }) => server.port));
  await playMany(house, ports, runs, deadlineMs);
});
