import type { Departure } from '../../generated/messages.ts';
import type { Changes } from './changes.ts';
import type { Clock } from './clock.ts';
import { type Connection, isWaiting } from './connection.ts';
import type { Door } from './door.ts';
import type { Report, RoomEvent } from './events.ts';
import type { Frame } from './frame.ts';
import type { Membership } from './membership.ts';
import type { News } from './news.ts';
import { type Ready, tryTo } from './ready.ts';
import type { Registry } from './registry.ts';
import type { RoomStore } from './room-store.ts';

/** What absence needs. */
export interface AbsenceParts {
  readonly registry: Registry;
  readonly rooms: RoomStore;
  readonly news: News;
  readonly changes: Changes;
  readonly door: Door;
  readonly membership: Membership;
  readonly resumeWindowMs: number;
  readonly report: Report<RoomEvent>;
  readonly clock: Clock;
}

/** Who is away: has lost its connection, and may come back. */
export class Absence {
  readonly #parts: AbsenceParts;

  constructor(parts: AbsenceParts) {
    this.#parts = parts;
  }

  /**
   * A client has lost its connection: it keeps its place for the resume window, and is taken out at its end. One that
   * waits to be let in has no place to keep. Does nothing if the client has gone.
   */
  lose(connection: Connection, reason: Departure['reason']): Ready<unknown> {
    const { registry, rooms, news, door, membership, resumeWindowMs, report } = this.#parts;
    if (resumeWindowMs === 0 || isWaiting(connection)) return membership.leave(connection, reason);
    if (registry.get(connection.clientId) === undefined) return undefined;
    registry.lose(connection);
    report({ type: 'connection.lost', connection });
    rooms.update(connection, undefined, () => news.turned(connection));
    this.await(connection, reason);
    for (const old of door.surplus(connection)) tryTo(() => membership.vacate(old));
    return undefined;
  }

  /** Takes one out that is away, at the end of a window that begins now, unless it has come back. */
  await(connection: Connection, reason: Departure['reason']): void {
    const { membership, resumeWindowMs, clock } = this.#parts;
    const { lostSerial } = connection;
    // It is refused where this node is not what it was, and has ended its sessions.
    const end = async () => {
      await connection.departing;
      // It may have come back, and may be away again; or it is on another node.
      if (connection.lostSerial === lostSerial) await membership.vacate(connection, reason);
    };
    clock.later(() => tryTo(end), resumeWindowMs);
  }

  /**
   * A member has come back to its session, or has replaced a connection that is still thought to be there. All of it in
   * one tick: what happens in the room comes before the welcome, or after.
   *
   * @param address where it comes from, as `addressKey` gives it
   * @param attach has the outlet lead to it, and send it the welcome, and then what it has missed
   */
  resume(connection: Connection, address: string, attach: (welcome: Frame) => void): void {
    const { registry, rooms, news, changes, report } = this.#parts;
    const wasAway = connection.connectionStatus === 'disconnected';
    if (wasAway) registry.regain(connection, address);
    news.readRoster(connection);
    attach(changes.welcome(connection, true));
    report({ type: 'connection.resumed', connection });
    if (wasAway) rooms.update(connection, undefined, () => news.turned(connection));
  }
}
