import type { Channel, CloseName, SessionKicked } from '../../generated/messages.ts';
import type { Place } from './connection.ts';
import type { Frame } from './frame.ts';
import type { Ready } from './ready.ts';

/** What one node tells others about a channel of a room, beside the changes of the room itself. */
export type NodeMessage =
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
  /** To one client: a frame, the end of its connection, or the one and then the other. */
  | {
      readonly kind: 'direct';
      /** Its `clientId`. */
      readonly to: string;
      readonly frame?: Frame | undefined;
      readonly close?: CloseName | undefined;
      readonly from?: string | undefined;
    }
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
}

/** The broker of a process that is alone: there is nobody to hear, and nobody to tell. */
export class LocalBroker implements Broker {
  follow(): void {}
  unfollow(): void {}
  publish(): void {}
  send(): void {}
}
