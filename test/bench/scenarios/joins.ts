import type { ServerUnderTest } from '../contestant.ts';
import { Crowd, refuseError } from '../load/crowd.ts';
import type { Algorithm } from '../tokens.ts';
import { seatsIn } from './rooms.ts';
import type { Metrics } from './scenario.ts';

/** How many share a room: each join but the first of a room is told to somebody. */
const roomSize = 10;
/** Until the server's code is compiled. */
const warmUpJoins = 500;
/** Longer than the server gathers who comes and goes. */
const settleMs = 400;

/** CPU time of a join, from the TCP connection to the first frame, each client with a token of its own. */
export async function measureJoins(
  server: ServerUnderTest,
  joins: number,
  algorithm: Algorithm,
): Promise<Metrics> {
  const crowd = new Crowd(server.port, server.dialect, (_client, bytes, start, end) => {
    refuseError(bytes, start, end);
  });
  try {
    const seats = await seatsIn((warmUpJoins + joins) / roomSize, roomSize, algorithm);
    await crowd.join(seats.slice(0, warmUpJoins));
    await crowd.rest(settleMs);
    const before = await server.ask('usage');
    const startedAt = performance.now();
    await crowd.join(seats.slice(warmUpJoins));
    const tookMs = performance.now() - startedAt;
    await crowd.rest(settleMs);
    const after = await server.ask('usage');
    return {
      cpuPerJoin: (after.cpuMicros - before.cpuMicros) / joins,
      joinsPerSecond: joins / (tookMs / 1000),
      peakMb: after.peakRssBytes / 1e6,
      waitedPercent: ((after.waitedMs - before.waitedMs) / tookMs) * 100,
    };
  } finally {
    crowd.leave();
  }
}
