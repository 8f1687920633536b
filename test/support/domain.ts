import { v7 as uuidv7 } from 'uuid';
import type { Channel } from '../../generated/messages.ts';
import { chatHandlers } from '../../src/handlers/messages/chat.ts';
import type { BanStore } from '../../src/rooms/ban-store.ts';
import { LocalBroker } from '../../src/rooms/broker.ts';
import type { ChatStore } from '../../src/rooms/chat-store.ts';
import { type Connection, newClientId } from '../../src/rooms/connection.ts';
import { openDomain } from '../../src/rooms/domain.ts';
import type { Frame } from '../../src/rooms/frame.ts';
import type { Identity } from '../../src/rooms/identity.ts';
import { LocalBanStore } from '../../src/rooms/local-ban-store.ts';
import { LocalChatStore } from '../../src/rooms/local-chat-store.ts';
import { LocalRoomStore } from '../../src/rooms/local-room-store.ts';

/** A client without a socket, and what it was told, by type: not of who comes and goes, but how its connection ended. */
export interface Guest {
  readonly connection: Connection;
  readonly told: string[];
}

/** The rooms of one server, without its transports. */
export function openRooms(parts: { readonly bans?: BanStore; readonly history?: ChatStore } = {}) {
  const clock = { now: Date.now, later: () => {} };
  const bounds = { maxMessages: 500, maxAgeMs: 60_000, maxTotal: 500 };
  const { bans = new LocalBanStore(clock.now), history = new LocalChatStore(bounds, clock.now) } = parts;
  const stores = { rooms: new LocalRoomStore(), broker: new LocalBroker(), bans, history, node: () => '' };
  const heartbeat = { intervalMs: 1_000, timeoutMs: 1_000 };
  const welcome = { resumeWindowMs: 0, iceServers: [], heartbeat, limits: { maxMessageBytes: 65_536 } };
  const capacity = { perUser: 9, perUserAndRoom: 9, perAddress: 9, roomSize: 9 };
  const settings = { capacity, presenceBatchMs: 0, welcome };
  const domain = openDomain(stores, settings, uuidv7, () => {}, clock);

  /** A user comes into the room `r`. */
  function join(userId: string, channel: Channel = 'chat'): Guest {
    const told: string[] = [];
    let isClosed = false;
    const outlet = {
      send: ({ text }: Frame) => {
        const { type } = JSON.parse(text);
        if (!type.startsWith('presence.')) told.push(type);
      },
      welcome: () => {},
      received: () => {},
      close(name: string, last?: Frame) {
        if (isClosed) return;
        if (last) this.send(last);
        told.push(name);
        isClosed = true;
      },
      finish: (name: string) => void told.push(name),
    };
    const identity: Identity = {
      userId,
      presenterName: userId,
      host: false,
      scopes: new Set(),
      rooms: undefined,
      channels: undefined,
      expiresAt: clock.now() + 3_600_000,
      subjectKey: userId,
    };
    const connection = domain.membership.join(
      newClientId(''),
      identity,
      { roomId: 'r', channel },
      outlet,
      '127.0.0.1',
    );
    if (connection instanceof Promise) throw new Error('a node that is alone does not wait');
    return { connection, told };
  }

  const chat = chatHandlers(domain.views, domain.hub, history, clock.now);
  return { ...domain, join, bans, chat };
}

/** A store that does what it is asked for when the gate lets it, and nothing at all where the gate fails. */
export function behind<Store extends object>(store: Store, gate: () => Promise<void>): Store {
  return new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return async (...call: unknown[]) => {
        await gate();
        return method.apply(target, call);
      };
    },
  });
}

/** The gate of a store that nobody reaches. */
export function unreachable(): Promise<void> {
  return Promise.reject(new Error('no store'));
}
