import { type Connection, type Place, toRecord } from '../rooms/connection.ts';
import type { Change, Outcome, RoomState } from '../rooms/room.ts';
import type { RedisDirectory } from './redis-directory.ts';
import type { Replica } from './replica.ts';

/** Lists what is about to change in a room: nothing where that is nobody's coming or going. */
export function listAhead(
  directory: RedisDirectory,
  place: Place,
  { change, state }: Outcome,
  everybody: () => readonly Connection[],
): Promise<void> | undefined {
  switch (change?.type) {
    case 'joined':
    case 'waits':
      return directory.put(place, change.member, state?.hosts.includes(change.member.clientId) ?? false);
    case 'went':
      return directory.remove([change.clientId]);
    case 'dissolved':
      return directory.remove(everybody().map(({ clientId }) => clientId));
    default:
      return undefined;
  }
}

/** Lists those of this node anew of whom something is listed that a change of their room has changed. */
export function listAnew(
  directory: RedisDirectory,
  node: string,
  { place, state }: Replica,
  before: RoomState | undefined,
  change: Change | undefined,
  everybody: () => readonly Connection[],
): void {
  const admitted = change?.type === 'admitted' ? change.clientId : undefined;
  if (state?.hosts === before?.hosts && admitted === undefined) return;
  for (const connection of everybody()) {
    const { clientId } = connection;
    const isHost = state?.hosts.includes(clientId) ?? false;
    const wasHost = before?.hosts.includes(clientId) ?? false;
    if (connection.node !== undefined || (isHost === wasHost && clientId !== admitted)) continue;
    directory.put(place, toRecord(connection, node), isHost).catch(() => {}); // it says so as soon as it can
  }
}
