import type { Channel, CloseName } from '../../generated/messages.ts';
import type { Place } from './connection.ts';
import type { Frame } from './frame.ts';
import type { Ready } from './ready.ts';

/** What one node tells others about a channel of a room, beside the changes of the room itself. */
export type NodeMessage =
  | {
      /** For the members of the channel that are there, or for some of them. */
      readonly kind: 'announce';
      readonly frame: Frame;
      /** The client that sent it. */
      readonly from?: string | undefined;
      readonly except?: string | undefined;
      readonly only?: readonly string[] | undefined;
      readonly alsoWaiting?: boolean | undefined;
    }
  | {
      /** For one client: a frame, or the end of its connection after it. */
      readonly kind: 'direct';
      readonly to: string;
      readonly frame?: Frame | undefined;
      readonly close?: CloseName | undefined;
      /** The client that sent it. */
      readonly from?: string | undefined;
    }
  | {
      /** A user is kept out: also one that is about to come in. */
      readonly kind: 'banned';
      readonly userId: string;
      readonly channel?: Channel | undefined;
    };

/**
 * The way to the other nodes, and never back to this one: what clients of this node are to get is theirs already.
 *
 * Delivery: at most once. Messages of one node about one channel of a room reach another node in the order in which
 * they were sent, those to all and those to one together.
 */
export interface Broker {
  /** Hears from now on what concerns a channel of a room; answers once nothing can be missed any more. */
  follow(place: Place): Ready<void>;
  unfollow(place: Place): void;
  /** To all other nodes that follow the channel. Neither waits nor throws: what cannot be sent is dropped. */
  publish(place: Place, message: NodeMessage): void;
  /** To one node; otherwise as `publish`. */
  send(node: string, place: Place, message: NodeMessage): void;
}

/** The broker of a node that is alone. */
export const noBroker: Broker = { follow: () => {}, unfollow: () => {}, publish: () => {}, send: () => {} };
