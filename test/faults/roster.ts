import type { JsonObject } from '../../src/codegen/documents.ts';
import { type Frame, valueAt } from '../support/socket.ts';

/** Who is in a room, as a client knows it from its welcome and from what it is told later. */
export class Roster {
  /** Of each member, whether it is connected. */
  readonly members = new Map<string, string>();
  hosts: ReadonlySet<string> = new Set();

  /** Takes in a frame of the server, whatever it is about. */
  take({ type, payload }: Frame): void {
    if (type === 'session.welcome') {
      this.members.clear();
      this.#add(payload.roster);
      this.hosts = new Set(listOf(valueAt(payload, 'room', 'hosts')).map(String));
    } else if (type === 'presence.joined') {
      this.#add(payload.participants);
    } else if (type === 'presence.left') {
      for (const departure of listOf(payload.departures)) this.members.delete(String(departure.clientId));
    } else if (type === 'presence.updated') {
      const { clientId, connectionStatus } = payload;
      if (connectionStatus !== undefined && this.members.has(String(clientId))) {
        this.members.set(String(clientId), String(connectionStatus));
      }
    } else if (type === 'host.changed') {
      this.hosts = new Set(listOf(payload.hosts).map(String));
    }
  }

  /** One line for each member, sorted. */
  lines(): string[] {
    return Array.from(this.members, ([id, status]) => lineOf(id, status, this.hosts.has(id))).toSorted();
  }

  #add(participants: unknown): void {
    for (const one of listOf(participants))
      this.members.set(String(one.clientId), String(one.connectionStatus));
  }
}

/** How a member is written, so that two rosters can be compared. */
export function lineOf(clientId: string, connectionStatus: string, isHost: boolean): string {
  return `${clientId} ${connectionStatus}${isHost ? ' (host)' : ''}`;
}

function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value : [];
}
