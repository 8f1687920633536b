import type { ServerUnderTest } from '../contestant.ts';
import { Crowd, refuseError } from '../load/crowd.ts';
import type { Algorithm } from '../tokens.ts';
import { seatsIn } from './rooms.ts';
import type { Measure } from './scenario.ts';

/** How many share a room: each join but the first of a room is told to somebody. */
const roomSize = 10;
/** Until the server's code is compiled. */
const warmUpJoins = 500;
/** Longer than the server gathers who comes and goes. */
const settleMs = 400;

/** How many join, in all samples together. */
export interface JoinsLoad {
  readonly joins: number;
  readonly samples: number;
  readonly algorithm: Algorithm;
}

/** CPU time of a join, from the TCP connection to the first frame, each client with a token of its own. */
export async function stageJoins(
  server: ServerUnderTest,
  { joins, samples, algorithm }: JoinsLoad,
): Promise<Measure> {
  const crowd = new Crowd(server.port, server.dialect, (_client, bytes, start, end) => {
    refuseError(bytes, start, end);
  });
  const seats = await seatsIn((warmUpJoins + joins) / roomSize, roomSize, algorithm);
  await crowd.join(seats.splice(0, warmUpJoins));
  await crowd.rest(settleMs);

  return async () => {
    const newcomers = seats.splice(0, joins / samples);
    const before = await server.ask('usage');
    const startedAt = performance.now();
    await crowd.join(newcomers);
    const tookMs = performance.now() - startedAt;
    await crowd.rest(settleMs);
    const after = await server.ask('usage');
    return {
      cpuPerJoin: (after.cpuMicros - before.cpuMicros) / newcomers.length,
      joinsPerSecond: newcomers.length / (tookMs / 1000),
      peakMb: after.peakRssBytes / 1e6,
      waitedPercent: ((after.waitedMs - before.waitedMs) / (tookMs + settleMs)) * 100,
    };
  };
}
