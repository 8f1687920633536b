import type {
  Channel,
  CloseName,
  ConnectionStatus,
  Media,
  Metadata,
  Participant,
} from '../../generated/messages.ts';
import type { components } from '../../generated/rest.ts';
import type { Frame } from './frame.ts';
import type { Identity } from './identity.ts';

/** The way to a client: what a transport gives to the domain. */
export interface Outlet {
  /** Sends a frame after those sent before. Does nothing once the outlet is closed. */
  send(frame: Frame): void;
  /** Ends the connection after the frames sent so far; later frames and messages are dropped. */
  close(name: CloseName): void;
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
  /** Made by the server, unguessable, unique. */
  readonly clientId: string;
  /** Counts up over all rooms, in the order of joining. */
  readonly serial: number;
  /** Counts up within the channel, in the order of joining. */
  readonly order: number;
  /** Epoch milliseconds. */
  readonly joinedAt: number;
  readonly outlet: Outlet;
  /** Where the client is, as limits count it: an IPv4 address or the /64 of an IPv6 one. */
  readonly address: string;
  /** Replaced when the client refreshes its token; always the same user. */
  identity: Identity;
  connectionStatus: ConnectionStatus;
  media: Media;
  handRaised: boolean;
  metadata: Metadata | undefined;
}

/** A new client id: 128 random bits, so that nobody guesses another's. */
export function newClientId(): string {
  return `client_${Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex')}`;
}

/** A moment as RFC 3339 writes it. */
export function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** A connection as its peers see it. */
export function toParticipant(connection: Connection, isHost: boolean): Participant {
  const { clientId, identity, order, joinedAt, connectionStatus, media, handRaised, metadata } = connection;
  return {
    clientId,
    userId: identity.userId,
    presenterName: identity.presenterName,
    role: isHost ? 'host' : 'participant',
    isHost,
    order,
    joinedAt: timestamp(joinedAt),
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
    joinedAt: timestamp(joinedAt),
    connectionStatus,
  };
}
