import type { ClusterCase } from './cases.ts';
import type { ClusterUnderTest } from './cluster.ts';
import { type ClusterContestant, clusterContestants } from './contestant.ts';
import { stageClusterJoins } from './scenarios/cluster-joins.ts';
import { type Placement, stageClusterRooms, stageClusterSignaling } from './scenarios/cluster-load.ts';
import type { ClusterTiming } from './scenarios/scenario.ts';

/** Rooms whose processes all have time left on their core: nearly each delivery is a write of its own. */
const quiet = { rooms: 10, size: 20, messagesPerSecond: 50 };
/** One so busy that what comes together is written together. */
const busy = { rooms: 1, size: 100, messagesPerSecond: 500 };
/** By scenario: where the members of a room are, beside the one who speaks. */
const chats: readonly (readonly [number, typeof quiet, Placement, string])[] = [
  [9, quiet, 'local', 'all on the node of the sender'],
  [10, quiet, 'remote', 'the sender on a node of its own'],
  [11, quiet, 'half', 'half on the node of the sender'],
  [14, busy, 'remote', 'the sender on a node of its own'],
];
const pairs = 50;

/** The cases of many nodes; the quick ones are shorter, of two nodes only, and have one other beside us. */
export function clusterCasesOf(quick: boolean): ClusterCase[] {
  const timing: ClusterTiming = {
    warmUpSeconds: quick ? 0.7 : 5,
    seconds: quick ? 1 : 2,
    idleSeconds: 3.5,
    patienceSeconds: 5,
  };
  const samples = quick ? 3 : 5;
  const perSample = quick ? 50 : 100;
  const contestants: readonly ClusterContestant[] = quick
    ? clusterContestants.slice(0, 2)
    : clusterContestants;
  return (quick ? [2] : [2, 3]).flatMap((nodes): ClusterCase[] => [
    ...chats.map(([scenario, load, placement, where]) => ({
      id: `${scenario}/${nodes}`,
      scenario,
      title: `${nodes} nodes, chat, ${load.rooms} x ${load.size} clients, ${load.messagesPerSecond} messages/s a room, ${where}`,
      contestants,
      nodes,
      prepare: (cluster: ClusterUnderTest) => stageClusterRooms(cluster, { ...load, placement }, timing),
      samples,
      connections: load.rooms * load.size,
    })),
    {
      id: `12/${nodes}`,
      scenario: 12,
      title: `${nodes} nodes, signaling, ${pairs} pairs on two nodes each, ${pairs * 10} messages/s`,
      contestants,
      nodes,
      prepare: (cluster) => stageClusterSignaling(cluster, { pairs, exchangesPerSecond: 1 }, timing),
      samples,
      connections: pairs * 2,
    },
    {
      id: `13/${nodes}`,
      scenario: 13,
      title: `${nodes} nodes, ${samples * perSample} joins into one room, from all nodes, ${perSample} at once`,
      contestants,
      settings: { ANNOUNCE: 'true' },
      nodes,
      prepare: (cluster) => stageClusterJoins(cluster, { perSample, samples, warmUp: 300 }, timing),
      samples,
      connections: samples * perSample + 400,
    },
  ]);
}
