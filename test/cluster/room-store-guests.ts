import { v7 as uuidv7 } from 'uuid';
import type { Broker } from '../../src/rooms/broker.ts';
import type { Clock } from '../../src/rooms/clock.ts';
import { type Connection, newClientId, type Place } from '../../src/rooms/connection.ts';
import { type Domain, openDomain } from '../../src/rooms/domain.ts';
import type { RoomEvent } from '../../src/rooms/events.ts';
import type { Frame } from '../../src/rooms/frame.ts';
import type { Identity } from '../../src/rooms/identity.ts';
import { LocalBanStore } from '../../src/rooms/local-ban-store.ts';
import { LocalChatStore } from '../../src/rooms/local-chat-store.ts';
import type { RoomStore } from '../../src/rooms/room-store.ts';

/** A client without a socket, and what it was told: each message as its type and what it says, and how it was closed. */
export interface Guest {
  readonly clientId: string;
  readonly connection: Connection;
  readonly told: (readonly [type: string, payload: unknown])[];
  /** What it was told of this type. */
  of(type: string): unknown[];
}

/** The real rules on stores of which only the one of rooms is shared. */
export function openTestDomain(
  shared: { readonly rooms: RoomStore; readonly broker: Broker; readonly node: () => string },
  roomSize: number,
  clock: Clock,
  presenceBatchMs: number,
  report: (event: RoomEvent) => void = () => {},
): Domain {
  const bounds = { maxMessages: 500, maxAgeMs: 60_000, maxTotal: 500 };
  const stores = {
    ...shared,
    ...{ bans: new LocalBanStore(clock.now), history: new LocalChatStore(bounds, clock.now) },
  };
  const heartbeat = { intervalMs: 1_000, timeoutMs: 1_000 };
  const welcome = { resumeWindowMs: 0, iceServers: [], heartbeat, limits: { maxMessageBytes: 65_536 } };
  const capacity = { perUser: roomSize, perUserAndRoom: roomSize, perAddress: roomSize, roomSize };
  return openDomain(stores, { capacity, presenceBatchMs, welcome }, uuidv7, report, clock);
}

/** The clients of one node. */
export function guestsOf({ membership }: Pick<Domain, 'membership'>, nodeId: () => string) {
  return {
    /** A client comes; rejects where it is refused. */
    async join(userId: string, place: Place, { host = false } = {}): Promise<Guest> {
      const told: (readonly [string, unknown])[] = [];
      let isClosed = false;
      const outlet = {
        send: ({ text }: Frame) => {
          if (isClosed) return;
          const { type, payload } = JSON.parse(text);
          told.push([type, payload]);
        },
        welcome(frame: Frame) {
          this.send(frame);
        },
        received: () => {},
        close(name: string, last?: Frame) {
          if (last) this.send(last);
          if (!isClosed) told.push(['closed', name]);
          isClosed = true;
        },
        finish(name: string, last?: Frame) {
          this.close(name, last);
        },
      };
      const identity: Identity = {
        ...{ userId, presenterName: userId, host, scopes: new Set(), rooms: undefined, channels: undefined },
        ...{ expiresAt: Date.now() + 3_600_000, subjectKey: userId },
      };
      const clientId = newClientId(nodeId());
      const connection = await membership.join(clientId, identity, place, outlet, '127.0.0.1');
      const of = (type: string) => told.flatMap(([name, payload]) => (name === type ? [payload] : []));
      return { clientId, connection, told, of };
    },
  };
}
