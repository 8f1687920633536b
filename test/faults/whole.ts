import { expect } from 'vitest';
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts';
import { enter, expectOneView, expectTalk, type Guest, joined, listed, seat, within } from './crowd.ts';

/** Rooms over all nodes, and of one node each. */
const rooms = [
  [0, 1, 2, 0],
  [1, 2, 0, 1],
  [2, 2],
  [0, 0],
];

/** Starts three nodes, and seats guests in those. */
export async function start(): Promise<{ cluster: Cluster; guests: Guest[] }> {
  const cluster = await startCluster();
  return { cluster, guests: await seat(cluster, rooms) };
}

export const readiness = async (node: ClusterNode): Promise<number> =>
  (await fetch(`${node.url}/readyz`)).status;

/** All are in one view on all nodes, and whoever comes is, too, and is heard. */
export async function expectWhole(cluster: Cluster, guests: readonly Guest[]): Promise<void> {
  const ids = guests.map(({ clientId }) => clientId).toSorted();
  for (const node of cluster.nodes) {
    expect(await readiness(node)).toBe(200);
    expect(await listed(node)).toEqual(ids);
  }
  await expectOneView(guests);
}

/** Guests of one room that are on different nodes hear each other, and one who comes. */
export async function expectTogether(cluster: Cluster, guests: readonly Guest[]): Promise<void> {
  const inRoom = guests.filter(({ roomId }) => roomId === 'room-0');
  for (const from of inRoom) {
    for (const to of inRoom) if (from !== to) await expectTalk(from, to, `${from.clientId} ${to.clientId}`);
  }
  const newcomer = await enter(cluster.nodes[1] ?? never(), 'room-0', 'newcomer');
  await within(1000, () => {
    for (const guest of inRoom)
      expect(joined(guest).filter((id) => id === newcomer.clientId)).toHaveLength(1);
  });
  await expectOneView([...guests, newcomer]);
}

export function never(): never {
  throw new Error('there are three nodes, with guests each');
}
