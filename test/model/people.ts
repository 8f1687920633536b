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
export interface Person extends Omit<Join, 'do' | 'host'> {
  /** Whether its token says `host: true` now. */
  host: boolean;
  /** 0 until it is let in. */
  order: number;
  hand: boolean;
  metadata: Json | undefined;
  media: { readonly [source: string]: Json };
  /** Every frame that it must get, in this order; what comes while it is cut off, only where it comes back. */
  readonly hears: Expected[];
  /** The code that its socket closed with; 1006 where it was cut, and then it may be a member still. */
  end: number | undefined;
  /** Counts up in the order in which connections are cut; 0 while there is one. */
  lostSerial: number;
}

/** One channel of a room. */
export interface Room {
  readonly place: Place;
  members: Person[];
  waiting: Person[];
  hosts: Person[];
  locked: boolean;
  approval: boolean;
  shares: { readonly name: string; readonly by: Person }[];
  lastOrder: number;
  lastLost: number;
}

export function emptyRoom(place: Place): Room {
  const settings = { locked: false, approval: false };
  return { place, members: [], waiting: [], hosts: [], ...settings, shares: [], lastOrder: 0, lastLost: 0 };
}

export function without(people: readonly Person[], one: Person | undefined): Person[] {
  return people.filter((person) => person !== one);
}

/** Who has lost its connection hears it when it comes back. */
export function tell(to: readonly Person[], type: string, payload: Expected['payload'], from?: string): void {
  for (const { hears, end, lostSerial } of to)
    if (end === undefined || lostSerial > 0) hears.push({ type, from, payload });
}

/** Who is host now; and whoever became it learns who waits. */
export function tellHosts(room: Room, reason: string, promoted?: Person): void {
  const { members, hosts, waiting } = room;
  tell(members, 'host.changed', { hosts: hosts.map(({ name }) => name), reason });
  if (promoted) for (const one of waiting) tellOfWaiting(room, one, [promoted]);
}

export function tellOfWaiting(room: Room, person: Person, to = room.hosts): void {
  tell(to, 'waiting.joined', { participant: participant(room, person) });
}

/** As the frames say it, but for the time of joining. */
export function participant({ hosts }: Room, person: Person): object {
  const { name, user, order, hand, media, metadata, end } = person;
  const isHost = hosts.includes(person);
  const who = { clientId: name, userId: user, presenterName: name };
  const connectionStatus = end === undefined ? 'connected' : 'disconnected';
  const role = order === 0 ? 'waiting' : isHost ? 'host' : 'participant';
  return { ...who, connectionStatus, role, isHost, order, handRaised: hand, media, metadata };
}

/** As the frames say it, but for its name and age. */
export function told({ place, hosts, locked, approval, shares, members }: Room): object {
  return {
    channel: place.channel,
    locked,
    admission: approval ? 'approval' : 'open',
    hosts: hosts.map((host) => host.name),
    shares: shares.map(({ name, by }) => ({ shareId: name, clientId: by.name, label: name })),
    participantCount: members.length,
  };
}
