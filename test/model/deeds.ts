import type { Json } from '../../src/codegen/documents.ts';

export type Channel = 'zoom' | 'screenshare' | 'chat';

/** One channel of a room. Rooms are called `a` and `b` here; each sequence has rooms of its own behind that. */
export interface Place {
  readonly room: string;
  readonly channel: Channel;
}

/** Two rooms, two channels of each, all three kinds of channel. */
export const places: readonly Place[] = [
  { room: 'a', channel: 'zoom' },
  { room: 'a', channel: 'screenshare' },
  { room: 'b', channel: 'zoom' },
  { room: 'b', channel: 'chat' },
];

export interface Join {
  readonly do: 'join';
  /** The new client's. */
  readonly name: string;
  readonly user: string;
  readonly place: Place;
  /** Which node it comes to, counted from 0. */
  readonly node: number;
  /** Whether its token says `host: true`. */
  readonly host: boolean;
}

export interface Send {
  readonly do: 'send';
  readonly by: string;
  /** The frame's. */
  readonly id: string;
  readonly type: string;
  /** Clients and shares go by their names; a new token is `{ host }`, as it says of its user. */
  readonly payload: { readonly [field: string]: Json };
}

/**
 * One thing that is done to the server. Clients are called `c1`, `c2` …, shares of a screen `s1` …, and texts that
 * are told apart `t1` …; `nobody` and `nothing` are ids that the server never gave.
 */
export type Deed =
  | Join
  | Send
  /** The socket says goodbye with 1000, or is cut; the time is over for which a cut one keeps its place. */
  | { readonly do: 'hangUp' | 'drop' | 'expire'; readonly by: string }
  /** One that was cut goes on with its session, where it was, with a new token. */
  | { readonly do: 'resume'; readonly by: string; readonly node: number; readonly host: boolean }
  /** Over REST. */
  | { readonly do: 'adminKick'; readonly whom: string; readonly node: number }
  | {
      readonly do: 'adminClose' | 'adminBroadcast';
      readonly room: string;
      readonly channel?: Channel;
      readonly node: number;
    };

export function placeKey({ room, channel }: Place): string {
  return `${channel}/${room}`;
}

/** A deed as a failing run prints it; the first node goes without saying. */
export function deedText(deed: Deed): string {
  const on = 'node' in deed && deed.node > 0 ? `, on node ${deed.node}` : '';
  switch (deed.do) {
    case 'join':
      return `${deed.name} = join ${placeKey(deed.place)} as ${deed.user}${deed.host ? ' with host: true' : ''}${on}`;
    case 'send':
      return `${deed.by}: ${deed.type} ${JSON.stringify(deed.payload)}`;
    case 'resume':
      return `${deed.by}: comes back${deed.host ? ' with host: true' : ''}`;
    case 'adminKick':
      return `admin: kick ${deed.whom}${on}`;
    case 'adminClose':
    case 'adminBroadcast':
      return `admin: ${deed.do.slice(5)} ${deed.room}${deed.channel ? ` ?channel=${deed.channel}` : ''}${on}`;
    default:
      return `${deed.by}: ${{ hangUp: 'closes with 1000', drop: 'its connection is cut', expire: 'its time is over' }[deed.do]}`;
  }
}
