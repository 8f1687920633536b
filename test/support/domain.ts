import { v7 as uuidv7 } from 'uuid';
import type { Channel } from '../../generated/messages.ts';
import { chatHandlers } from '../../src/handlers/messages/chat.ts';
import type { BanStore } from '../../src/rooms/ban-store.ts';
import type { ChatStore } from '../../src/rooms/chat-store.ts';
import { Closing } from '../../src/rooms/closing.ts';
import type { Connection } from '../../src/rooms/connection.ts';
import { Door } from '../../src/rooms/door.ts';
import { Exclusion } from '../../src/rooms/exclusion.ts';
import type { Frame } from '../../src/rooms/frame.ts';
import { Hub } from '../../src/rooms/hub.ts';
import type { Identity } from '../../src/rooms/identity.ts';
import { LocalBanStore } from '../../src/rooms/local-ban-store.ts';
import { LocalChatStore } from '../../src/rooms/local-chat-store.ts';
import { Membership } from '../../src/rooms/membership.ts';
import { Registry } from '../../src/rooms/registry.ts';
import { LocalRoomStore } from '../../src/rooms/room-store.ts';
import { Views } from '../../src/rooms/views.ts';

/** A client without a socket, and what it was told, by type: not of who comes and goes, but how its connection ended. */
export interface Guest {
  readonly connection: Connection;
  readonly told: string[];
}

/** The rooms of one server, without its transports. */
export function openDomain(parts: { readonly bans?: BanStore; readonly history?: ChatStore } = {}) {
  const clock = { now: Date.now, later: () => {} };
  const bounds = { maxMessages: 500, maxAgeMs: 60_000, maxTotal: 500 };
  const { bans = new LocalBanStore(clock.now), history = new LocalChatStore(bounds, clock.now) } = parts;
  const registry = new Registry();
  const rooms = new LocalRoomStore();
  const views = new Views(registry, rooms, clock.now);
  const hub = new Hub(registry, rooms, views, 0, clock);
  const door = new Door(registry, rooms, { perUser: 9, perUserAndRoom: 9, perAddress: 9, roomSize: 9 });
  const heartbeat = { intervalMs: 1_000, timeoutMs: 1_000 };
  const welcome = { resumeWindowMs: 0, iceServers: [], heartbeat, limits: { maxMessageBytes: 65_536 } };
  const membership = new Membership(registry, rooms, views, hub, door, welcome, () => {}, clock);

  /** A user comes into the room `r`. */
  function join(userId: string, channel: Channel = 'chat'): Guest {
    const told: string[] = [];
    const outlet = {
      send: ({ text }: Frame) => {
        const { type } = JSON.parse(text);
        if (!/^(session\.welcome|presence\.)/.test(type)) told.push(type);
      },
      close: (name: string) => void told.push(name),
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
    return { connection: membership.join(identity, { roomId: 'r', channel }, outlet, '127.0.0.1'), told };
  }

  return {
    join,
    bans,
    history,
    exclusion: new Exclusion(registry, membership, bans, uuidv7, clock.now),
    closing: new Closing(registry, rooms, hub, history, () => {}),
    chat: chatHandlers(views, hub, history, clock.now),
  };
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
