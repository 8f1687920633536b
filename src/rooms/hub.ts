import type {
  Channel,
  Notice,
  PassedMessageType,
  ServerMessageType,
  ServerPayloads,
} from '../../generated/messages.ts';
import type { Broker, NodeMessage } from './broker.ts';
import type { Connection, Place } from './connection.ts';
import { encodeFrame, type Frame, frameOf, type Source, type Stamp } from './frame.ts';
import type { Registry } from './registry.ts';
import type { Views } from './views.ts';

/** Who receives an announcement, where it is not every member of the channel. */
export interface Audience {
  readonly only?: Iterable<Connection> | undefined;
  readonly except?: Connection | undefined;
  /** Those who wait to be let in as well. */
  readonly alsoWaiting?: boolean | undefined;
}

type Announced = Extract<NodeMessage, { kind: 'announce' }>;

/** A message to the members of a channel, or to some, that is still to be sent. */
export interface Announcement {
  /** Sends it to those on this node, in this frame where another one was made of it. */
  readonly tellHere: (frame?: Frame) => void;
  /** What nodes are to be sent. */
  readonly message: Announced;
}

/**
 * The ways of a message from one client to others, on this node and on others.
 *
 * Delivery: frames of one sender reach one recipient in the order in which they were sent, announcements and
 * direct messages together. An announcement is encoded once, and its bytes are the same for everybody. Who is on this
 * node has it in the same tick.
 */
export class Hub {
  readonly #registry: Registry;
  readonly #views: Views;
  readonly #broker: Broker;
  readonly #now: () => number;
  #beforeFrame: (place: Place, sender?: string) => void = () => {};

  constructor(registry: Registry, views: Views, broker: Broker, now: () => number) {
    this.#registry = registry;
    this.#views = views;
    this.#broker = broker;
    this.#now = now;
  }

  /**
   * Says what is to be told in a channel before a frame of this client, or, without one, before any frame; to be called
   * once, before anything else.
   */
  tellsFirst(beforeFrame: (place: Place, sender?: string) => void): void {
    this.#beforeFrame = beforeFrame;
  }

  /** Sends a message to one client, by the server itself. */
  send<T extends ServerMessageType>(
    { outlet }: Connection,
    type: T,
    payload: ServerPayloads[T],
    stamp?: Stamp,
  ): void {
    outlet.send(this.encode(type, payload, stamp));
  }

  /** A message as it goes on the wire now. */
  encode<T extends ServerMessageType>(type: T, payload: ServerPayloads[T], stamp?: Stamp): Frame {
    return encodeFrame(type, payload, this.#now(), stamp);
  }

  /** Sends a message from one client to another; refused with `peer_not_found` where there is no such other. */
  relay<T extends ServerMessageType>(
    sender: Connection,
    to: string,
    type: T,
    payload: ServerPayloads[T],
  ): void {
    const peer = this.#views.peer(sender, to);
    this.#deliverTo(peer, this.encode(type, payload, { from: sender.clientId }), sender.clientId);
  }

  /** Relays a message as its sender wrote it, but for `to`. */
  pass(sender: Connection, to: string, type: PassedMessageType, source: Source): void {
    const peer = this.#views.peer(sender, to);
    const from = sender.clientId;
    this.#deliverTo(peer, frameOf(type, source.without('to'), this.#now(), { from }), from);
  }

  /** Sends a message to the members of a channel of a room, or to some, on all nodes. */
  announce<T extends ServerMessageType>(
    place: Place,
    type: T,
    payload: ServerPayloads[T],
    { only, except, alsoWaiting = false, ...stamp }: Audience & Stamp = {},
  ): void {
    const frame = this.encode(type, payload, stamp);
    const chosen = only && [...only];
    const audience = { only: chosen, except, alsoWaiting };
    if (this.#broker.isDetoured(place))
      return this.#broker.detour(place, announced(frame, stamp.from, audience));
    this.#deliver(place, frame, stamp.from, audience);
    if (!this.#registry.isElsewhere(place)) return;
    const elsewhere = chosen?.filter(({ node }) => node !== undefined);
    if (elsewhere?.length === 0) return;
    this.#broker.publish(place, announced(frame, stamp.from, { only: elsewhere, except, alsoWaiting }));
  }

  /** As {@link announce}, but that it is left to the caller to have it sent. */
  compose<T extends ServerMessageType>(
    place: Place,
    type: T,
    payload: ServerPayloads[T],
    { only, except, alsoWaiting = false, ...stamp }: Audience & Stamp = {},
  ): Announcement {
    const frame = this.encode(type, payload, stamp);
    const audience = { only: only && [...only], except, alsoWaiting };
    const tellHere = (told = frame) => {
      // As they are by then: a session may have moved to this node.
      const chosen = audience.only?.flatMap(({ clientId }) => this.#registry.get(clientId) ?? []);
      this.#deliver(place, told, stamp.from, { ...audience, only: chosen });
    };
    return { tellHere, message: announced(frame, stamp.from, audience) };
  }

  /** Sends a message to the members of a channel that are on this node, or to some of them. */
  announceHere<T extends ServerMessageType>(
    place: Place,
    type: T,
    payload: ServerPayloads[T],
    { only, except, alsoWaiting = false, ...stamp }: Audience & Stamp = {},
  ): void {
    this.#deliver(place, this.encode(type, payload, stamp), stamp.from, { only, except, alsoWaiting });
  }

  /** Sends a notice to everybody in a room, or in one channel of it, and to those who wait; says to how many. */
  broadcast(roomId: string, channel: Channel | undefined, notice: Notice): number {
    let count = 0;
    for (const place of this.#registry.placesOf(roomId, channel)) {
      this.announce(place, 'notice', notice, { alsoWaiting: true });
      count += this.#views.everybody(place).filter(isConnected).length;
    }
    return count;
  }

  /** Takes what another node has sent. */
  receive(place: Place, message: Extract<NodeMessage, { kind: 'announce' | 'direct' }>): void {
    const { frame, from } = message;
    // Its sender was put out by another node before its own one knew: it is not among those who are there.
    if (from !== undefined && !this.#registry.members(place).has(from)) return;
    if (message.kind === 'direct') {
      const connection = this.#registry.get(message.to);
      if (connection === undefined || connection.node !== undefined) return;
      if (from !== undefined) this.#beforeFrame(place, from);
      return connection.outlet.send(frame);
    }
    const { only, alsoWaiting = false } = message;
    const find = (clientId = '') => this.#registry.get(clientId);
    const chosen = only?.map(find).filter((connection) => connection !== undefined);
    const audience = { only: chosen, except: find(message.except), alsoWaiting };
    this.#deliver(place, message.frame, from, audience);
  }

  #deliverTo(peer: Connection, frame: Frame, from: string): void {
    // It has been told of the sender by now.
    this.#beforeFrame(peer, from);
    const message = { kind: 'direct', to: peer.clientId, frame, from } as const;
    if (peer.node !== undefined) this.#broker.send(peer.node, peer, message);
    else if (this.#broker.isDetoured(peer)) this.#broker.detour(peer, message);
    else peer.outlet.send(frame);
  }

  #deliver(place: Place, frame: Frame, from: string | undefined, audience: Audience): void {
    const { only, except, alsoWaiting } = audience;
    this.#beforeFrame(place, from);
    hand(frame, only ?? this.#registry.membersHere(place).values(), except);
    if (alsoWaiting) hand(frame, this.#registry.waitingHere(place).values(), except);
  }
}

function announced(frame: Frame, from: string | undefined, audience: Audience): Announced {
  const { only, except, alsoWaiting } = audience;
  const ids = only && Array.from(only, ({ clientId }) => clientId);
  return { kind: 'announce', frame, from, except: except?.clientId, only: ids, alsoWaiting };
}

/** Hands a frame to whoever of them is on this node; what is for those who are away is kept for their return. */
function hand(frame: Frame, to: Iterable<Connection>, except: Connection | undefined): void {
  for (const connection of to) {
    if (connection !== except && connection.node === undefined) connection.outlet.send(frame);
  }
}

function isConnected({ connectionStatus }: Connection): boolean {
  return connectionStatus === 'connected';
}
