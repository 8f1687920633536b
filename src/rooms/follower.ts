import type { Changes } from './changes.ts';
import { type Connection, isWaiting, type MemberRecord, type Place } from './connection.ts';
import type { Membership } from './membership.ts';
import type { News } from './news.ts';
import type { Ready } from './ready.ts';
import type { Registry } from './registry.ts';
import type { Relocation } from './relocation.ts';
import type { RoomState } from './room.ts';
import type { Applied, Follower, RollEntry, Said } from './room-store.ts';
import type { Views } from './views.ts';

/** What a store of many nodes tells this one of its rooms. */
export class RoomFollower implements Follower {
  readonly #registry: Registry;
  readonly #views: Views;
  readonly #news: News;
  readonly #changes: Changes;
  readonly #membership: Membership;
  readonly #relocation: Relocation;

  constructor(
    registry: Registry,
    views: Views,
    news: News,
    changes: Changes,
    membership: Membership,
    relocation: Relocation,
  ) {
    this.#registry = registry;
    this.#views = views;
    this.#news = news;
    this.#changes = changes;
    this.#membership = membership;
    this.#relocation = relocation;
  }

  apply(place: Place, applied: Applied): void {
    this.#changes.apply(place, applied);
  }

  update(record: MemberRecord, said: Said | undefined): void {
    const connection = this.#registry.get(record.clientId);
    if (connection === undefined || connection.node === undefined) return;
    const { identity, connectionStatus } = connection;
    const before = aboutItself(connection);
    const { media, handRaised, metadata, presenterName, tokenHost } = record;
    const isRenamed = presenterName !== identity.presenterName;
    Object.assign(connection, { media, handRaised, metadata });
    connection.identity = { ...identity, presenterName, host: tokenHost };
    if (connectionStatus !== record.connectionStatus) {
      if (record.connectionStatus === 'disconnected') this.#registry.lose(connection);
      else this.#registry.regain(connection, connection.address);
      this.#news.turned(connection);
    }
    if (said !== undefined) this.#news.said(connection, said);
    // What was said has not come this far.
    const isMissed = said === undefined && aboutItself(connection) !== before;
    if (!isRenamed && !isMissed) return;
    if (isWaiting(connection)) this.#news.tellOfWaiting(connection);
    else this.#news.renamed(connection);
  }

  move(record: MemberRecord, claim: string): void {
    this.#relocation.move(record, claim);
  }

  take(
    place: Place,
    roll: readonly RollEntry[],
    before: RoomState | undefined,
    isGone: (connection: Connection) => boolean,
  ): void {
    const present = new Set(roll.map(({ record }) => record.clientId));
    for (const connection of this.#views.everybody(place)) {
      if (present.has(connection.clientId)) continue;
      if (!isGone(connection)) continue;
      // One of this node is gone for all others, who do not wait for it.
      if (connection.node === undefined) connection.outlet.close('restarting');
      this.#changes.go(connection, connection.node === undefined ? 'closed' : 'disconnected');
    }
    const wasWatched = this.#registry.isHere(place);
    for (const entry of roll) {
      this.#relocation.move(entry.record, undefined); // if it has, of which this node has not heard
      this.update(entry.record, undefined);
      // One of this node may be among them, who is to hear of those that come after it.
      this.#changes.meet(place, entry, this.#registry.isHere(place));
    }
    if (wasWatched && before !== undefined) this.#news.changed(place, before);
  }

  drop(place: Place): void {
    this.#news.forget(place);
    for (const connection of this.#views.everybody(place)) {
      if (connection.node !== undefined) this.#registry.remove(connection);
    }
  }

  close(place: Place): void {
    for (const connection of this.#views.everybody(place)) {
      if (connection.node !== undefined) continue;
      connection.outlet.close('restarting');
      this.#changes.go(connection, 'closed');
    }
  }

  bury(place: Place, isDead: (connection: Connection) => boolean): Ready<unknown> {
    const dead = this.#views.hostsLast(this.#views.everybody(place).filter(isDead));
    return Promise.allSettled(
      dead.map((connection) => Promise.try(() => this.#membership.leave(connection, 'disconnected'))),
    );
  }

  mend(place: Place): Ready<unknown> {
    return this.#membership.mend(place);
  }

  knows(clientId: string): boolean {
    return this.#registry.get(clientId) !== undefined;
  }

  everybody(place: Place): Connection[] {
    return this.#views.everybody(place);
  }

  isHere(place: Place): boolean {
    return this.#registry.isHere(place);
  }
}

/** As text, which tells whether anything of it has changed. */
function aboutItself({ media, handRaised, metadata }: Connection): string {
  return JSON.stringify([media, handRaised, metadata]);
}
