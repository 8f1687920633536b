import type { ClusterUnderTest } from './cluster.ts';
import {
  type ClusterContestant,
  type Contestant,
  contestants,
  type ServerUnderTest,
  type Settings,
} from './contestant.ts';
import { measureIdle } from './scenarios/idle.ts';
import { stageJoins } from './scenarios/joins.ts';
import { measureListing } from './scenarios/listing.ts';
import { type RoomsLoad, stageRooms } from './scenarios/rooms.ts';
import type { Measure, Timing } from './scenarios/scenario.ts';
import { stageSignaling } from './scenarios/signaling.ts';
import { measureStorm } from './scenarios/storm.ts';
import { keySettings } from './tokens.ts';

/** What all lines of the scenarios have. */
interface Line {
  /** Names it in the results; the number of its scenario, and what tells it from the others of that. */
  readonly id: string;
  readonly scenario: number;
  readonly title: string;
  /** Settings of all contestants, on top of their own. */
  readonly settings?: Settings;
  /**
   * How often it is measured in a round. Where it is more than once, all servers of the scenario run at the same
   * time and are loaded by turns: what disturbs the machine for some seconds then disturbs all of them.
   */
  readonly samples: number;
  /** How many connections it opens. */
  readonly connections: number;
}

/** One line of a scenario: what is run, by whom. */
export interface ServerCase extends Line {
  readonly contestants: readonly Contestant[];
  readonly nodes?: undefined;
  readonly prepare: (server: ServerUnderTest) => Promise<Measure>;
}

/** The same with so many nodes and one Redis. */
export interface ClusterCase extends Line {
  readonly contestants: readonly ClusterContestant[];
  readonly nodes: number;
  readonly prepare: (cluster: ClusterUnderTest) => Promise<Measure>;
}

export type Case = ServerCase | ClusterCase;

const ours = ['signalbox'] as const;
const oursAndPlain = ['signalbox', 'ws'] as const;
/** Of scenario 8, whatever the size of the room. */
const deliveriesPerSecond = 100_000;

/** All cases; the quick ones are shorter and smaller, and have fewer others beside us. */
export function casesOf(quick: boolean): ServerCase[] {
  const timing: Timing = quick ? { warmUpSeconds: 0.7, seconds: 0.5 } : { warmUpSeconds: 6, seconds: 1 };
  const samples = quick ? 3 : 5;
  const joins = samples * 400;
  const idle = quick ? 2_000 : 10_000;
  const rooms = (load: RoomsLoad) => ({
    prepare: (server: ServerUnderTest) => stageRooms(server, load, timing),
    samples,
    connections: load.rooms * load.size,
  });
  return [
    {
      id: '1',
      scenario: 1,
      title: 'chat, one room of 100, 2,000 messages/s',
      contestants,
      ...rooms({ rooms: 1, size: 100, messagesPerSecond: 2_000 }),
    },
    {
      id: '2',
      scenario: 2,
      title: 'chat, ten rooms of 50, 300 messages/s each',
      contestants,
      ...rooms({ rooms: 10, size: 50, messagesPerSecond: 300 }),
    },
    {
      id: '3',
      scenario: 3,
      title: 'signaling, 500 pairs, 5.5 kB offers and 200 B candidates, 5,000 messages/s',
      contestants,
      prepare: (server) => stageSignaling(server, { pairs: 500, exchangesPerSecond: 1 }, timing),
      samples,
      connections: 1_000,
    },
    ...(['HS256', 'RS256'] as const).map((algorithm) => ({
      id: `4/${algorithm}`,
      scenario: 4,
      title: `${figure(joins)} joins with ${algorithm} tokens`,
      contestants: oursAndPlain,
      settings: { JWT_SECRET: '', ...keySettings[algorithm] },
      prepare: (server: ServerUnderTest) => stageJoins(server, { joins, samples, algorithm }),
      samples,
      connections: joins + 500,
    })),
    {
      id: '5',
      scenario: 5,
      title: `${figure(idle)} idle connections`,
      contestants,
      prepare: once((server) => measureIdle(server, idle)),
      samples: 1,
      connections: idle + 500,
    },
    ...(quick ? [500, 2_000] : [500, 1_000, 2_000]).map((storm) => ({
      id: `6/${storm}`,
      scenario: 6,
      title: `a storm of ${figure(storm)} joins into one room, within 4 s`,
      contestants: quick ? ours : oursAndPlain,
      settings: { ANNOUNCE: 'true' },
      prepare: once((server) => measureStorm(server, storm)),
      samples: 1,
      connections: storm,
    })),
    {
      id: '7',
      scenario: 7,
      title: 'GET /api/connections/active with 10,000 connections',
      contestants: ours,
      prepare: once((server) => measureListing(server, 10_000)),
      samples: 1,
      connections: 10_000,
    },
    ...[10, 100, 1_000, 5_000].map((size) => ({
      id: `8/${size}`,
      scenario: 8,
      title: `chat, one room of ${figure(size)}, ${figure(deliveriesPerSecond / size)} messages/s`,
      contestants: quick ? ours : oursAndPlain,
      ...rooms({ rooms: 1, size, messagesPerSecond: deliveriesPerSecond / size }),
    })),
  ];
}

/** What can be measured once only, with a server of its own: joins and memory do not start anew. */
function once(measure: (server: ServerUnderTest) => ReturnType<Measure>): ServerCase['prepare'] {
  return async (server) => () => measure(server);
}

function figure(number: number): string {
  return number.toLocaleString('en');
}
