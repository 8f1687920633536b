import { Absence } from './absence.ts';
import type { BanStore } from './ban-store.ts';
import type { Broker, RoomMessage } from './broker.ts';
import { Changes, type WelcomeSettings } from './changes.ts';
import type { ChatStore } from './chat-store.ts';
import type { Clock } from './clock.ts';
import { Closing } from './closing.ts';
import type { Place } from './connection.ts';
import { type CapacityLimits, Door } from './door.ts';
import type { Report, RoomEvent } from './events.ts';
import { Exclusion } from './exclusion.ts';
import { RoomFollower } from './follower.ts';
import { Hub } from './hub.ts';
import { Membership } from './membership.ts';
import { Moderation } from './moderation.ts';
import { News } from './news.ts';
import { tryTo } from './ready.ts';
import { Registry } from './registry.ts';
import { Relocation } from './relocation.ts';
import type { RoomStore } from './room-store.ts';
import { Views } from './views.ts';

/** What is the same for all nodes, or is this node's alone. */
export interface Stores {
  readonly rooms: RoomStore;
  readonly broker: Broker;
  readonly bans: BanStore;
  readonly history: ChatStore;
  /** The id of this node among others; empty where it is alone. */
  readonly node: () => string;
}

/** The numbers that the rooms go by. */
export interface DomainSettings {
  readonly capacity: CapacityLimits;
  readonly presenceBatchMs: number;
  readonly welcome: WelcomeSettings;
}

/** The rooms of a server, and all that can be done in them. */
export type Domain = ReturnType<typeof openDomain>;

/** Puts the parts of the rooms together. */
export function openDomain(
  { rooms, broker, bans, history, node }: Stores,
  { capacity, presenceBatchMs, welcome }: DomainSettings,
  newId: () => string,
  report: Report<RoomEvent>,
  clock: Clock,
) {
  const { now } = clock;
  const registry = new Registry();
  const views = new Views(registry, rooms, now);
  const hub = new Hub(registry, views, broker, now);
  const news = new News(registry, rooms, views, hub, presenceBatchMs, clock);
  const changes = new Changes(registry, views, hub, news, welcome, report);
  const door = new Door(registry, rooms, capacity);
  const { resumeWindowMs } = welcome;
  const membership = new Membership({
    ...{ registry, rooms, broker, hub, news, changes, door, node, clock },
  });
  const absence = new Absence({
    ...{ registry, rooms, news, changes, door, membership, resumeWindowMs, report, clock },
  });
  const relocation = new Relocation({ registry, news, membership, absence, node, report });
  const follower = new RoomFollower(registry, views, news, changes, membership, relocation);
  rooms.followedBy(follower);
  const closing = new Closing(registry, rooms, views, history);
  const exclusion = new Exclusion(registry, membership, bans, broker, newId, now);
  const moderation = new Moderation(rooms, views, membership, exclusion);
  function vacate(clientId: string): void {
    const connection = registry.get(clientId);
    if (connection !== undefined) tryTo(() => membership.vacate(connection));
  }
  /** Takes what another node has sent. */
  function receive(place: Place, message: RoomMessage): void {
    if (message.kind === 'banned') void exclusion.receive(place, message);
    else if (message.kind === 'vacate') vacate(message.clientId);
    else hub.receive(place, message);
  }

  return {
    receive,
    registry,
    rooms,
    views,
    hub,
    news,
    changes,
    door,
    membership,
    absence,
    relocation,
    closing,
    exclusion,
    moderation,
    history,
  };
}
