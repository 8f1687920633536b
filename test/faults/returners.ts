import { connect, type RoomConnection } from '../../src/client/index.ts';
import { mintToken } from '../support/token.ts';

// A process with many clients of the SDK, which says how it stands with them.

/** Who is to join what, where. */
export interface Assignment {
  readonly url: string;
  /** The room of each client. */
  readonly rooms: readonly string[];
}

/** How it stands with all of them. */
export interface Muster {
  readonly connected: number;
  /** Of those who were lost: how many went on with their session, and how many began anew. */
  readonly resumed: number;
  readonly restarted: number;
}

/** How many join at the same time. */
const atOnce = 64;

const come: RoomConnection[] = [];
const tally = { resumed: 0, restarted: 0 };
const count = (what: keyof typeof tally) => () => {
  tally[what] += 1;
};

process.on('disconnect', () => process.exit());
process.on('message', async (told: Assignment | 'muster') => {
  if (told !== 'muster') await assemble(told);
  const connected = come.filter(({ state }) => state === 'connected').length;
  process.send?.({ connected, ...tally } satisfies Muster);
});

process.send?.('ready');

async function assemble({ url, rooms }: Assignment): Promise<void> {
  const seats = rooms.entries();
  const joinNext = async () => {
    for (const [index, roomId] of seats) await join(url, index, roomId);
  };
  await Promise.all(Array.from({ length: atOnce }, joinNext));
}

async function join(url: string, index: number, roomId: string): Promise<void> {
  const token = mintToken({ sub: `user-${index}` });
  const room = await connect({ url, channel: 'chat', roomId, token });
  room.on('resumed', count('resumed'));
  room.on('restarted', count('restarted'));
  come.push(room);
}
