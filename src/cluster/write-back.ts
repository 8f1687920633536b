import { type Connection, toRecord } from '../rooms/connection.ts';
import { type Replica, rollText } from './replica.ts';
import type { RoomCommands } from './room-commands.ts';

/** Connections that are written in one step. */
const writtenAtOnce = 500;

/** Writes a room back that Redis has lost: what one node knows of its state, and those who are on this node. */
export async function writeBack(
  commands: RoomCommands,
  node: string,
  { place, version, state }: Replica,
  here: readonly Connection[],
): Promise<void> {
  if (state === undefined) return;
  for (let index = 0; index < here.length; index += writtenAtOnce) {
    const rolls = here.slice(index, index + writtenAtOnce).flatMap((connection) => {
      const { clientId, order } = connection;
      return [clientId, rollText({ order, record: toRecord(connection, node) })];
    });
    await commands.restore(place, version, JSON.stringify(state), rolls);
  }
}
