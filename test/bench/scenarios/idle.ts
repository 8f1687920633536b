import type { ServerUnderTest } from '../contestant.ts';
import { Crowd, refuseError } from '../load/crowd.ts';
import { seatsIn } from './rooms.ts';
import type { Metrics } from './scenario.ts';

const roomSize = 10;
/** So that what the server needs once is not counted as if each connection needed it. */
const warmUpJoins = 500;
const settleMs = 1_000;

/** Memory of a connection that has joined and says nothing; after a garbage collection on both sides of it. */
export async function measureIdle(server: ServerUnderTest, connections: number): Promise<Metrics> {
  const crowd = new Crowd(server.port, server.dialect, (_client, bytes, start, end) => {
    refuseError(bytes, start, end);
  });
  const settled = async () => {
    await crowd.rest(settleMs);
    await server.ask('collect');
    await crowd.rest(settleMs / 3); // freed pages go back to the system by and by
    return server.ask('collect');
  };
  const seats = await seatsIn((warmUpJoins + connections) / roomSize, roomSize);
  await crowd.join(seats.slice(0, warmUpJoins));
  const before = await settled();
  await crowd.join(seats.slice(warmUpJoins));
  const after = await settled();
  const own = after.heapBytes + after.externalBytes - before.heapBytes - before.externalBytes;
  return {
    kbPerConnection: (after.rssBytes - before.rssBytes) / connections / 1024,
    ownKbPerConnection: own / connections / 1024,
    peakMb: after.peakRssBytes / 1e6,
  };
}
