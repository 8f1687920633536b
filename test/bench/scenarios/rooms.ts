import type { ServerUnderTest } from '../contestant.ts';
import { Crowd, refuseError } from '../load/crowd.ts';
import type { Seat } from '../load/dialects.ts';
import { Ledger, markLength } from '../load/ledger.ts';
import { type Algorithm, clientToken } from '../tokens.ts';
import { stageLoad } from './load.ts';
import type { Measure, Timing } from './scenario.ts';

/** Rooms in which all hear what some say. */
export interface RoomsLoad {
  readonly rooms: number;
  readonly size: number;
  /** In each room. */
  readonly messagesPerSecond: number;
}

const textLength = 41;
/** Beside its mark: makes a chat message about 300 bytes long as it is delivered. */
export const filler = '.'.repeat(textLength - markLength);
/** In a large room only some send: each member remembers where each sender is. */
const maxSenders = 100;

/** CPU time per delivery, and how long deliveries take, where chat goes to everybody in a room, the sender too. */
export async function stageRooms(
  server: ServerUnderTest,
  { rooms, size, messagesPerSecond }: RoomsLoad,
  timing: Timing,
): Promise<Measure> {
  const senders = Math.min(size, maxSenders);
  const ledger = new Ledger(rooms, size, senders);
  const crowd = new Crowd(server.port, server.dialect, ({ seat }, bytes, start, end) => {
    if (!ledger.take(seat.index, bytes, start, end)) refuseError(bytes, start, end);
  });
  // Senders are spread over those who joined early and late.
  const stride = Math.floor(size / senders);
  const send = (index: number) => {
    const room = index % rooms;
    const sender = Math.floor(index / rooms) % senders;
    const client = crowd.clients[room * size + sender * stride];
    client?.send(server.dialect.chat(ledger.mark(room, sender) + filler));
    return size;
  };
  await crowd.join(await seatsIn(rooms, size));
  return stageLoad(server, crowd, ledger, { send, perSecond: rooms * messagesPerSecond, timing });
}

/** Seats for so many clients in each room, one room after the other. */
export async function seatsIn(rooms: number, size: number, algorithm?: Algorithm): Promise<Seat[]> {
  const indices = Array.from({ length: rooms * size }, (_, index) => index);
  const tokens = await Promise.all(indices.map((index) => clientToken(index, algorithm)));
  return tokens.map((token, index) => ({ index, room: `bench-${Math.floor(index / size)}`, token }));
}
