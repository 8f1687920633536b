import type { Json } from '../../src/codegen/documents.ts';
import type { Join, Place } from './deeds.ts';

/** A frame as the model expects it: the frame that comes may say more in its payload. */
export interface Expected {
  readonly type: string;
  readonly from?: string | undefined;
  readonly replyTo?: string | undefined;
  /** `undefined` inside: is not there. */
  readonly payload: Readonly<Record<string, unknown>>;
}

/** A client, by the rules of the protocol. */
export interface Person extends Omit<Join, 'do'> {
  readonly order: number;
  hand: boolean;
  metadata: Json | undefined;
  media: { readonly [source: string]: Json };
  /** Every frame that it must get, in this order. */
  readonly hears: Expected[];
  /** The code that its socket closes with; 1006 where it cut the connection itself. */
  end: number | undefined;
}

/** One channel of a room. */
export interface Room {
  readonly place: Place;
  members: Person[];
  hosts: Person[];
  locked: boolean;
  shares: { readonly name: string; readonly by: Person }[];
  lastOrder: number;
}

export function emptyRoom(place: Place): Room {
  return { place, members: [], hosts: [], locked: false, shares: [], lastOrder: 0 };
}

export function tell(to: readonly Person[], type: string, payload: Expected['payload'], from?: string): void {
  for (const { hears } of to) hears.push({ type, from, payload });
}

export function tellHosts({ members, hosts }: Room, reason: string): void {
  tell(members, 'host.changed', { hosts: hosts.map(({ name }) => name), reason });
}

/** Everybody goes; a host who asked for it is told after the answer. */
export function close(room: Room, by: 'admin' | 'host', sender?: Person): void {
  const { members } = room;
  tell(
    members.filter((member) => member !== sender),
    'room.closed',
    { by },
  );
  for (const member of members) member.end = 4502;
  Object.assign(room, emptyRoom(room.place));
}

/** As the frames say it, but for the time of joining. */
export function participant({ hosts }: Room, { name, user, order, hand, media, metadata }: Person): object {
  const isHost = hosts.some((host) => host.name === name);
  const who = {
    clientId: name,
    userId: user,
    presenterName: user.toUpperCase(),
    connectionStatus: 'connected',
  };
  const role = isHost ? 'host' : 'participant';
  return { ...who, role, isHost, order, handRaised: hand, media, metadata };
}

/** As the frames say it, but for its name and age. */
export function told({ place, hosts, locked, shares, members }: Room): object {
  return {
    channel: place.channel,
    locked,
    hosts: hosts.map((host) => host.name),
    shares: shares.map(({ name, by }) => ({ shareId: name, clientId: by.name, label: name })),
    participantCount: members.length,
  };
}
