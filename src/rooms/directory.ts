import type { Channel } from '../../generated/messages.ts';
import type { components } from '../../generated/rest.ts';
import type { Ready } from './ready.ts';

/** A connection as the admin API shows it. */
export type RestConnection = components['schemas']['Connection'];

/** Which connections are asked for. */
export interface DirectoryQuery {
  readonly roomId?: string;
  readonly userId?: string;
  readonly channel?: Channel;
  readonly status?: RestConnection['connectionStatus'];
  /** Where the page before ended; 0: from the beginning. */
  readonly after: number;
  /** Of several there, which was the last on that page; absent: all of them were on it. */
  readonly afterId?: string | undefined;
  readonly limit: number;
}

/** What was found, in the order of joining. */
export interface DirectoryPage {
  /** Each as it is when its turn comes. */
  readonly connections: IteratorObject<RestConnection>;
  /** Where this page ends; `undefined`: there is no more. */
  readonly next: number | undefined;
  /** Of several there, which is the last on this page; absent: all of them are on it. */
  readonly nextId?: string | undefined;
  /** Whether nothing could not be read. */
  readonly isComplete: boolean;
}

/** How many are in a room, waiting ones too. */
export interface RoomCount {
  readonly roomId: string;
  readonly counts: Readonly<Record<Channel, number>>;
}

/** Every connection there is, for the admin API: of this process, or of all nodes, none of which is asked for it. */
export interface Directory {
  page(query: DirectoryQuery): Ready<DirectoryPage>;
  rooms(): Ready<{ readonly rooms: Iterable<RoomCount>; readonly isComplete: boolean }>;
  find(clientId: string): Ready<RestConnection | undefined>;
}

/** Whether a connection is among those that are asked for. */
export function passes(
  {
    roomId,
    userId,
    channel,
    connectionStatus,
  }: Pick<RestConnection, 'roomId' | 'userId' | 'channel' | 'connectionStatus'>,
  asked: Omit<DirectoryQuery, 'after' | 'afterId' | 'limit'>,
): boolean {
  return (
    (asked.roomId === undefined || roomId === asked.roomId) &&
    (asked.userId === undefined || userId === asked.userId) &&
    (asked.channel === undefined || channel === asked.channel) &&
    (asked.status === undefined || connectionStatus === asked.status)
  );
}
