import {
  type Channel,
  type CloseName,
  type ConnectionStatus,
  channels,
  type Media,
  type Metadata,
  type Participant,
  type Role,
} from '../../generated/messages.ts';
import type { components } from '../../generated/rest.ts';
import type { Frame } from './frame.ts';
import type { Identity } from './identity.ts';

/** The way to a client: what a transport gives to the domain. */
export interface Outlet {
  /** Sends a frame after those sent before. Keeps it while its client is away and may come back. */
  send(frame: Frame): void;
  /** As `send`, of the first frame that counts: those from here on are kept until the client has them. */
  welcome(frame: Frame): void;
  /** The client has so many of the frames that count; more than it was sent is a `conflict`. */
  received(count: number): void;
  /** Ends the connection after the frames sent so far, and a `last` one; later frames and messages are dropped. */
  close(name: CloseName, last?: Frame): void;
  /** As `close`, once the message at hand has been answered, and after one `last` frame. */
  finish(name: CloseName, last?: Frame): void;
}

/** One channel of a room: what a client joins. */
export interface Place {
  readonly roomId: string;
  readonly channel: Channel;
}

/** One client in one channel of a room. */
export interface Connection extends Place {
  /** As `placeKey` gives it. */
  readonly placeKey: string;
  /** Made by the server, unguessable, unique. */
  readonly clientId: string;
  /** The node that has its socket, where that is another one than this. */
  readonly node: string | undefined;
  /** Counts up over all rooms, in the order in which this node has heard of them. */
  serial: number;
  /** What would continue this session on another socket: unguessable, and known to the client alone. */
  readonly resumeToken: string;
  /** Counts up within the channel, in the order of joining; 0 while the client waits to be let in. */
  order: number;
  /** Since when it is in the room, or waits, as RFC 3339 writes it: each roster that it is in says so. */
  joinedAt: string;
  readonly outlet: Outlet;
  /** Where the client is, as limits count it: an IPv4 address or the /64 of an IPv6 one. */
  address: string;
  /** Replaced when the client refreshes its token, or comes back; always the same user. */
  identity: Identity;
  connectionStatus: ConnectionStatus;
  /** Counts up over all rooms, in the order in which connections are lost; 0 while it has its own. */
  lostSerial: number;
  media: Media;
  handRaised: boolean;
  metadata: Metadata | undefined;
  /**
   * Once its session is about to end without its client, or to move to another node, and for good if it has: resolves when
   * that is known.
   */
  departing?: Promise<unknown> | undefined;
  /** What its messages may have done, and were not answered with; see `attempts.ts`. */
  unsure?: Map<string, readonly string[]>;
}

/** The channels of a room; with `only`, no other. */
export function placesOf(roomId: string, only?: Channel): Place[] {
  return channels
    .filter((channel) => only === undefined || channel === only)
    .map((channel) => ({ roomId, channel }));
}

/** What the nodes tell each other of a connection: all that peers can see of it, and what the rules must know. */
export interface MemberRecord {
  readonly clientId: string;
  readonly node: string;
  readonly userId: string;
  readonly presenterName: string;
  readonly tokenHost: boolean;
  readonly joinedAt: string;
  readonly connectionStatus: ConnectionStatus;
  readonly media: Media;
  readonly handRaised: boolean;
  readonly metadata?: Metadata | undefined;
}

/** A new client id: 128 random bits, so that nobody guesses another's, behind the node that has it, where there are more. */
export function newClientId(node: string): string {
  return `client_${node && `${node}_`}${random(16).toString('hex')}`;
}

/** A new resume token: whose it is, and 256 random bits. */
export function newResumeToken(clientId: string): string {
  return `${clientId}.${random(32).toString('base64url')}`;
}

/** Whose resume token this is, if it is one. */
export function clientIdOf(resumeToken: string): string {
  return resumeToken.split('.', 1)[0] ?? '';
}

const pool = Buffer.allocUnsafeSlow(4_096);
let drawn = pool.length;

/** So many random bytes, to be read at once; drawn from the system by the page, since each call of it is dear. */
function random(bytes: number): Buffer {
  if (drawn + bytes > pool.length) {
    crypto.getRandomValues(pool);
    drawn = 0;
  }
  drawn += bytes;
  return pool.subarray(drawn - bytes, drawn);
}

const nothing = () => {};
/** Where frames go that nobody can receive. */
export const nowhere: Outlet = {
  send: nothing,
  welcome: nothing,
  received: nothing,
  close: nothing,
  finish: nothing,
};

/** Whether the client is still to be let in: it is in the registry, and not a member of the room. */
export function isWaiting({ order }: Connection): boolean {
  return order === 0;
}

/** A moment as RFC 3339 writes it. */
export function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** A connection as the nodes tell each other of it. */
export function toRecord(connection: Connection, node: string): MemberRecord {
  const { clientId, identity, joinedAt, connectionStatus, media, handRaised, metadata } = connection;
  const { userId, presenterName, host } = identity;
  const about = { clientId, node, userId, presenterName, tokenHost: host };
  return { ...about, joinedAt, connectionStatus, media, handRaised, ...(metadata && { metadata }) };
}

/** A connection as its peers see it. */
export function toParticipant(connection: Connection, role: Role): Participant {
  const { clientId, identity, order, joinedAt, connectionStatus, media, handRaised, metadata } = connection;
  return {
    clientId,
    userId: identity.userId,
    presenterName: identity.presenterName,
    role,
    isHost: role === 'host',
    order,
    joinedAt,
    connectionStatus,
    media,
    handRaised,
    ...(metadata && { metadata }),
  };
}

/** A connection as the admin API shows it. */
export function toRestConnection(
  connection: Connection,
  isHost: boolean,
): components['schemas']['Connection'] {
  const { clientId, identity, roomId, channel, joinedAt, connectionStatus } = connection;
  return {
    id: clientId,
    clientId,
    userId: identity.userId,
    roomId,
    channel,
    presenterName: identity.presenterName,
    isHost,
    joinedAt,
    connectionStatus,
  };
}
