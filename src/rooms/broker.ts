import type { Channel, SessionKicked } from '../../generated/messages.ts';
import type { SessionParcel } from './carriage.ts';
import type { Place } from './connection.ts';
import type { Frame } from './frame.ts';
import type { Ready } from './ready.ts';

/** What one node tells others about a channel of a room, beside the changes of the room itself. */
export type NodeMessage = RoomMessage | MoveMessage;

/** What is for the clients of the other nodes, or about them. */
export type RoomMessage =
  /** A frame for the members of the channel that are on the other node. */
  | {
      readonly kind: 'announce';
      readonly frame: Frame;
      /** The `clientId` of the sender, of whom the recipients are to have been told before. */
      readonly from?: string | undefined;
      /** The one `clientId` that does not get it. */
      readonly except?: string | undefined;
      /** The only `clientId`s that get it. */
      readonly only?: readonly string[] | undefined;
      /** Those who wait to be let in get it as well. */
      readonly alsoWaiting?: boolean | undefined;
      /** Has the node that sends it take it as well, when it comes back; by this name it knows it again. */
      readonly echo?: string | undefined;
    }
  /** A frame for one client. */
  | {
      readonly kind: 'direct';
      /** Its `clientId`. */
      readonly to: string;
      readonly frame: Frame;
      readonly from?: string | undefined;
      /** As that of an announcement. */
      readonly echo?: string | undefined;
    }
  /** A session that has lost its connection is to end, since a newcomer has its place. */
  | { readonly kind: 'vacate'; readonly clientId: string }
  /** A user is kept out from now on. Travels as JSON: whatever more is said of it arrives. */
  | {
      readonly kind: 'banned';
      readonly userId: string;
      /** Absent: all three channels of the room. */
      readonly channel?: Channel | undefined;
      /** Epoch milliseconds. */
      readonly until: number;
      readonly reason?: string | undefined;
      readonly by: SessionKicked['by'];
    };

/** What two nodes say to each other of a session that moves. Each travels as JSON. */
export type MoveMessage =
  /** Asks for a session whose client has come to the node that asks. */
  | {
      readonly kind: 'claim';
      /** Names this attempt. */
      readonly claim: string;
      readonly clientId: string;
      /** Of the resume token, which itself stays where it is. */
      readonly tokenHash: string;
      /** How many of its messages the client has. */
      readonly received: number;
    }
  /** It does not come. */
  | {
      readonly kind: 'refusal';
      readonly claim: string;
      readonly clientId: string;
      /** Whether it is the client's, and only cannot go on: then it is to end. */
      readonly isOwn: boolean;
    }
  /** All that it is, sent once it has moved. */
  | {
      readonly kind: 'parcel';
      readonly claim: string;
      readonly clientId: string;
      readonly parcel: SessionParcel;
    }
  /** To this node itself: whatever it has sent before has come by. */
  | { readonly kind: 'fence'; readonly echo: string };

/**
 * The way to the other nodes. A single process is a cluster of one: it has none, and its broker does nothing.
 *
 * Every broker passes `test/rooms/broker-suite.ts` and promises:
 * - A message reaches nodes that follow the channel, the others only: never the one that sent it, nor any other. Only
 *   what has an `echo` comes back, too.
 * - What one node sends about a channel, by `publish` and by `send`, and the events that its store's scripts publish
 *   about it, arrive on another node in the order in which they were sent.
 * - At most once: what cannot be sent is dropped. Changes of the room are not entrusted to it alone.
 */
export interface Broker {
  /**
   * Hears from now on what concerns a channel of a room; resolves once nothing can be missed any more. Where it rejects,
   * the channel is not followed.
   */
  follow(place: Place): Ready<void>;
  unfollow(place: Place): void;
  /** To all other nodes that follow the channel. Never throws or waits. */
  publish(place: Place, message: NodeMessage): void;
  /** To one other node, if it follows the channel. Never throws or waits. */
  send(node: string, place: Place, message: NodeMessage): void;
  /**
   * Whether what the clients of this node are told has to go the way of what other nodes say just now, so that it has its
   * place among that.
   */
  isDetoured(place: Place): boolean;
  /** Sends it that way: an announcement to all nodes, anything else to this one; it is received here like theirs. */
  detour(place: Place, message: Extract<NodeMessage, { kind: 'announce' | 'direct' }>): void;
}

/** The broker of a process that is alone: there is nobody to hear, and nobody to tell. */
export class LocalBroker implements Broker {
  follow(): void {}
  unfollow(): void {}
  publish(): void {}
  send(): void {}
  isDetoured(): boolean {
    return false;
  }
  detour(): void {}
}
