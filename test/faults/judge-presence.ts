import type { Ending } from './history.ts';
import { lineOf, Roster } from './roster.ts';
import type { Session } from './sessions.ts';

/** Whether what each client was told of the others adds up to what the registry says, and to nobody of another room. */
export function presenceFaults(sessions: readonly Session[], { registry }: Ending): string[] {
  const rooms = new Map(sessions.map(({ clientId, roomId }) => [clientId, roomId]));
  const listed = Map.groupBy(registry, ({ roomId }) => roomId);
  return sessions.flatMap(({ client, roomId, received, lasts }) => {
    const roster = new Roster();
    const strangers = new Set<string>();
    for (const { frame } of received) {
      roster.take(frame);
      for (const id of roster.members.keys()) if ((rooms.get(id) ?? roomId) !== roomId) strangers.add(id);
    }
    const faults = Array.from(strangers, (id) => `${client} was told of ${id}, who is in another room`);
    if (!lasts) return faults;
    const expected = (listed.get(roomId) ?? [])
      .map(({ clientId, connectionStatus, isHost }) => lineOf(clientId, connectionStatus, isHost))
      .toSorted();
    const known = roster.lines();
    if (known.join() !== expected.join()) {
      faults.push(`${client} knows of [${known.join(', ')}], and the registry of [${expected.join(', ')}]`);
    }
    return faults;
  });
}
