import { drain } from '../../generated/messages.ts';
import type { Connection } from './connection.ts';
import type { Hub } from './hub.ts';
import type { Membership } from './membership.ts';
import { allReady, type Ready } from './ready.ts';
import type { Registry } from './registry.ts';
import { dissolve } from './room.ts';
import type { RoomStore } from './room-store.ts';
import type { Views } from './views.ts';

/** How time passes while a server stops: by a clock that nobody sets. */
export interface Pace {
  /** Milliseconds from anywhere. */
  readonly steadyNow: () => number;
  /** Resolves after so many milliseconds; after 0 when everybody else has had a turn. */
  readonly wait: (ms: number) => Promise<void>;
}

/** What an evacuation needs. */
export interface EvacuationParts {
  readonly registry: Registry;
  readonly rooms: RoomStore;
  readonly views: Views;
  readonly hub: Hub;
  readonly membership: Membership;
  readonly pace: Pace;
}

/** How far apart two slices are, and how often it is looked whether a session is still here. */
const sliceMs = 20;
const lookMs = 50;
/** After so many clients others have their turn: each costs a write. */
const toldAtOnce = 250;
/** How many sessions or rooms end at the same time, and how long the others are told of it. */
const endedAtOnce = 20;
const endMs = 8_000;

/** Has everybody leave a node that stops; its methods are to be called in this order, when nobody comes any more. */
export class Evacuation {
  readonly #parts: EvacuationParts;

  constructor(parts: EvacuationParts) {
    this.#parts = parts;
  }

  /**
   * Closes the sockets of this node (1012), `drain.perSecond` a second, the hosts last, after each client was told when
   * that will be. Resolves when all are told to go.
   */
  async sendAway(): Promise<void> {
    const { hub, pace } = this.#parts;
    const slices = this.#slices();
    const beganAtMs = pace.steadyNow();
    const leftUntil = (slice: number) => Math.max(0, beganAtMs + slice * sliceMs - pace.steadyNow());
    let told = 0;
    for (const [index, slice] of slices.entries()) {
      const reconnectAfterMs = Math.round(leftUntil(index));
      const frame = hub.encode('session.draining', { reconnectAfterMs });
      for (const { outlet } of slice) outlet.send(frame);
      told += slice.length;
      if (told < toldAtOnce) continue;
      told = 0;
      await pace.wait(0);
    }
    for (const [index, slice] of slices.entries()) {
      if (index > 0) await pace.wait(leftUntil(index));
      for (const { outlet } of slice) outlet.close('restarting');
    }
  }

  /**
   * Waits until other nodes have taken over the sessions that have lost their connections here, but not for long.
   *
   * @param isPossible whether there is another node that could
   */
  async handOver(isPossible: () => boolean): Promise<void> {
    const { registry, pace } = this.#parts;
    const until = pace.steadyNow() + drain.handoverMs;
    const goesOn = () => registry.hasLostHere && isPossible() && pace.steadyNow() < until;
    while (goesOn()) await pace.wait(lookMs);
  }

  /**
   * Ends every session that is left on this node, and tells the others. Never rejects; says whether nobody is left: whom
   * there was no time for others must take out.
   */
  async end(): Promise<boolean> {
    const { registry, pace } = this.#parts;
    const until = pace.steadyNow() + endMs;
    const ends = this.#ends();
    while (ends.length > 0 && pace.steadyNow() < until) {
      await Promise.allSettled(ends.splice(0, endedAtOnce).map((end) => Promise.try(end)));
    }
    return !registry.all().some(isHere);
  }

  /** Who is to be told to go, by when: hosts last, so that none is elected who goes a moment later. */
  #slices(): Connection[][] {
    const { registry, views } = this.#parts;
    const connected = registry.all().filter(({ connectionStatus }) => connectionStatus === 'connected');
    const leaving = views.hostsLast([...connected.filter(isHere)]);
    const { perSecond, maxSpreadMs } = drain;
    const size = Math.max((perSecond * sliceMs) / 1000, Math.ceil((leaving.length * sliceMs) / maxSpreadMs));
    return Array.from({ length: Math.ceil(leaving.length / size) }, (_, index) =>
      leaving.slice(index * size, (index + 1) * size),
    );
  }

  /** What ends the sessions, place by place: a room that nobody else is in ends as a whole. */
  #ends(): (() => Ready<unknown>)[] {
    const { registry, rooms, views, membership } = this.#parts;
    return registry.places().flatMap((place): (() => Ready<unknown>)[] => {
      const here = views.hostsLast(views.everybody(place).filter(isHere));
      for (const { outlet } of here) outlet.close('restarting');
      // Until its turn comes somebody may come by another node, or be taken over by one.
      const leave = (connection: Connection) =>
        registry.get(connection.clientId) === connection && membership.leave(connection, 'closed');
      if (registry.isElsewhere(place)) return here.map((connection) => () => leave(connection));
      const dissolveIfAlone = async () => {
        if (!registry.isElsewhere(place)) await rooms.transaction(place, dissolve('restarting'));
      };
      return [() => dissolveIfAlone().finally(() => allReady(here, leave))];
    });
  }
}

function isHere({ node }: Connection): boolean {
  return node === undefined;
}
