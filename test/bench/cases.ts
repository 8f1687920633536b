import { type Contestant, contestants, type ServerUnderTest, type Settings } from './contestant.ts';
import { measureIdle } from './scenarios/idle.ts';
import { measureJoins } from './scenarios/joins.ts';
import { measureListing } from './scenarios/listing.ts';
import { measureRooms, type RoomsLoad } from './scenarios/rooms.ts';
import type { Metrics, Timing } from './scenarios/scenario.ts';
import { measureSignaling } from './scenarios/signaling.ts';
import { measureStorm } from './scenarios/storm.ts';
import { type Algorithm, keySettings } from './tokens.ts';

/** One row of scenarios: what is run, by whom. */
export interface Case {
  /** Names it in the results; the number of its scenario, and what tells it from the others of that. */
  readonly id: string;
  readonly scenario: number;
  readonly title: string;
  readonly contestants: readonly Contestant[];
  /** Settings of all contestants, on top of their own. */
  readonly settings?: Settings;
  readonly run: (server: ServerUnderTest) => Promise<Metrics>;
  /** How many connections it opens. */
  readonly connections: number;
}

const ours = ['signalbox'] as const;
const oursAndPlain = ['signalbox', 'ws'] as const;
/** Of scenario 8, whatever the size of the room. */
const deliveriesPerSecond = 100_000;

/** All cases; the quick ones are shorter and smaller, and have fewer others beside us. */
export function casesOf(quick: boolean): Case[] {
  const timing: Timing = quick ? { warmUpSeconds: 0.7, seconds: 1.5 } : { warmUpSeconds: 2, seconds: 5 };
  const idle = quick ? 2_000 : 10_000;
  const rooms = (load: RoomsLoad) => ({
    run: (server: ServerUnderTest) => measureRooms(server, load, timing),
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
      run: (server) => measureSignaling(server, { pairs: 500, exchangesPerSecond: 1 }, timing),
      connections: 1_000,
    },
    ...(['HS256', 'RS256'] as const).map((algorithm: Algorithm) => ({
      id: `4/${algorithm}`,
      scenario: 4,
      title: `2,000 joins with ${algorithm} tokens`,
      contestants: oursAndPlain,
      settings: { JWT_SECRET: '', ...keySettings[algorithm] },
      run: (server: ServerUnderTest) => measureJoins(server, 2_000, algorithm),
      connections: 2_500,
    })),
    {
      id: '5',
      scenario: 5,
      title: `${idle.toLocaleString('en')} idle connections`,
      contestants,
      run: (server) => measureIdle(server, idle),
      connections: idle + 500,
    },
    ...(quick ? [500, 2_000] : [500, 1_000, 2_000]).map((joins) => ({
      id: `6/${joins}`,
      scenario: 6,
      title: `a storm of ${joins.toLocaleString('en')} joins into one room`,
      contestants: quick ? ours : oursAndPlain,
      settings: { ANNOUNCE: 'true' },
      run: (server: ServerUnderTest) => measureStorm(server, joins),
      connections: joins,
    })),
    {
      id: '7',
      scenario: 7,
      title: 'GET /api/connections/active with 10,000 connections',
      contestants: ours,
      run: (server) => measureListing(server, 10_000),
      connections: 10_000,
    },
    ...[10, 100, 1_000, 5_000].map((size) => ({
      id: `8/${size}`,
      scenario: 8,
      title: `chat, one room of ${size.toLocaleString('en')}, ${(deliveriesPerSecond / size).toLocaleString('en')} messages/s`,
      contestants: quick ? ours : oursAndPlain,
      ...rooms({ rooms: 1, size, messagesPerSecond: deliveriesPerSecond / size }),
    })),
  ];
}
