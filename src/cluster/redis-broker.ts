import type { Broker, NodeMessage } from '../rooms/broker.ts';
import type { Place } from '../rooms/connection.ts';
import type { Report } from '../rooms/events.ts';
import type { Ready } from '../rooms/ready.ts';
import { placeKey } from '../rooms/room-store.ts';
import type { Detours } from './detours.ts';
import { comesBack, type Envelope, envelopeVersion, messageIn, open, seal } from './envelope.ts';
import type { Publisher } from './redis.ts';
import type { Subscriptions } from './subscriptions.ts';

/** What goes wrong between nodes. */
export type BrokerEvent =
  | {
      /** Messages of a node are dropped, since this one does not know their format; once for each node and version. */
      readonly type: 'broker.refused';
      readonly origin: string;
      readonly version: string;
    }
  | {
      /** A message has not been dealt with, and is lost. */
      readonly type: 'broker.failed';
      readonly error: unknown;
    };

/** Where messages of other nodes go, and this one's echoes, each in the order of the node that sent them. */
export interface Receiver {
  /** @param origin empty where it is to be taken whoever has sent it */
  message(place: Place, message: NodeMessage, origin: string): void;
  /** A change of the room, as the script that made it published it; those of this node too. */
  event(place: Place, event: Envelope): void;
}

/** How much may be on its way to Redis, in UTF-16 units; beyond that, messages are dropped until it has answered. */
const maxUnanswered = 16 * 1_024 * 1_024;
/** Whose messages were refused: so many are remembered, and so told of once. */
const maxRefused = 1_000;

/**
 * The way to the other nodes by Redis.
 *
 * A channel of a room has one channel of Redis for all nodes that follow it, and one for each of them. All lie in the
 * slot of the room, so that messages go by one connection on both sides, and in one order, together with what scripts
 * publish. Each message is published once, however many nodes follow.
 */
export class RedisBroker implements Broker {
  readonly #subscriptions: Subscriptions;
  readonly #publisher: Publisher;
  readonly #prefix: string;
  readonly #nodeId: () => string;
  readonly #receiver: Receiver;
  readonly #report: Report<BrokerEvent>;
  /** By `placeKey`: the channels, and when they are heard. */
  readonly #followed = new Map<string, { readonly channels: readonly string[]; isHeard: Ready<void> }>();
  readonly #refused = new Set<string>();
  /** Channels of other nodes, and how many need them. */
  readonly #overheard = new Map<string, number>();
  readonly #detours: Detours | undefined;
  #unanswered = 0;
  #published = 0;
  #dropped = 0;

  /**
   * @param prefix what all channels begin with; no braces
   * @param nodeId the id of this node; after a change, what was followed is to be unfollowed, and followed anew
   */
  constructor(
    subscriptions: Subscriptions,
    publisher: Publisher,
    prefix: string,
    nodeId: () => string,
    receiver: Receiver,
    report: Report<BrokerEvent>,
    detours?: Detours,
  ) {
    this.#subscriptions = subscriptions;
    this.#publisher = publisher;
    this.#prefix = prefix;
    this.#nodeId = nodeId;
    this.#receiver = receiver;
    this.#report = report;
    this.#detours = detours;
  }

  /** How many messages went out, for a metric. */
  get published(): number {
    return this.#published;
  }

  /** How many of them were not taken by Redis, or not for sure. */
  get dropped(): number {
    return this.#dropped;
  }

  follow(place: Place): Ready<void> {
    const key = placeKey(place);
    const known = this.#followed.get(key);
    if (known !== undefined) return known.isHeard;
    const { roomId, channel } = place;
    const kept = { roomId, channel }; // not the connection that it may be, which would be held
    const hear = (text: string) => this.#hear(kept, text);
    const channels = [allChannel(this.#prefix, place), this.#nodeChannel(place, this.#nodeId())];
    const isHeard = Promise.all(channels.map((each) => this.#subscriptions.subscribe(each, hear))).then(
      () => {
        followed.isHeard = undefined;
      },
      (error) => {
        if (this.#followed.get(key) === followed) this.unfollow(place);
        throw error;
      },
    );
    const followed = { channels, isHeard: isHeard as Ready<void> };
    this.#followed.set(key, followed);
    return isHeard;
  }

  unfollow(place: Place): void {
    const key = placeKey(place);
    for (const channel of this.#followed.get(key)?.channels ?? []) this.#subscriptions.unsubscribe(channel);
    this.#followed.delete(key);
  }

  publish(place: Place, message: NodeMessage): void {
    this.#send(allChannel(this.#prefix, place), message);
  }

  send(node: string, place: Place, message: NodeMessage): void {
    this.#send(this.#nodeChannel(place, node), message);
  }

  isDetoured(place: Place): boolean {
    return this.#detours?.has(place) === true;
  }

  detour(place: Place, message: Extract<NodeMessage, { kind: 'announce' | 'direct' }>): void {
    const nodeId = this.#nodeId();
    const echo = this.#detours?.expect(place, () => this.#receiver.message(place, message, ''));
    if (message.kind === 'announce') this.publish(place, { ...message, echo });
    else this.send(nodeId, place, { ...message, echo });
  }

  /**
   * Hears what is sent to clients of another node as well, until {@link overhearNoMore}: one may be on this node by then.
   * Resolves once nothing can be missed.
   */
  async overhear(place: Place, node: string): Promise<void> {
    if (node === '' || node === this.#nodeId()) return;
    const { roomId, channel } = place;
    const name = this.#nodeChannel(place, node);
    this.#overheard.set(name, (this.#overheard.get(name) ?? 0) + 1);
    await this.#subscriptions.subscribe(name, (text) => this.#hear({ roomId, channel }, text, true));
  }

  /** Undoes one {@link overhear}. */
  overhearNoMore(place: Place, node: string): void {
    const name = this.#nodeChannel(place, node);
    const needed = (this.#overheard.get(name) ?? 0) - 1;
    if (needed > 0) this.#overheard.set(name, needed);
    else if (this.#overheard.delete(name)) this.#subscriptions.unsubscribe(name);
  }

  /** What a script publishes in the place of {@link publish}, where there is more to it: command, channel, text. */
  publishing(place: Place, message: NodeMessage): [command: string, channel: string, text: string] {
    const channel = allChannel(this.#prefix, place);
    return [this.#publisher.publishCommand, channel, seal(this.#nodeId(), message)];
  }

  #send(channel: string, message: NodeMessage): void {
    const text = seal(this.#nodeId(), message);
    this.#published += 1;
    if (this.#unanswered + text.length > maxUnanswered) {
      this.#dropped += 1;
      return;
    }
    this.#unanswered += text.length;
    const answered = () => {
      this.#unanswered -= text.length;
    };
    this.#publisher.publish(channel, text).then(answered, () => {
      answered();
      this.#dropped += 1;
    });
  }

  #hear(place: Place, text: string, isOverheard = false): void {
    try {
      this.#take(place, open(text), isOverheard);
    } catch (error) {
      // The library would drop whatever else it has read.
      this.#report({ type: 'broker.failed', error });
    }
  }

  #take(place: Place, envelope: Envelope, isOverheard: boolean): void {
    const { version, origin, kind } = envelope;
    if (version !== envelopeVersion) return this.#refuse(origin, version);
    if (isOverheard && kind !== 'direct') return;
    if (kind === 'event') return this.#receiver.event(place, envelope);
    if (origin === this.#nodeId() && !isOverheard && !comesBack(envelope)) return;
    const message = messageIn(envelope);
    if (message === undefined) return this.#refuse(origin, `${version} ${kind}`);
    this.#receiver.message(place, message, isOverheard ? '' : origin);
  }

  #refuse(origin: string, version: string): void {
    const [shortOrigin, shortVersion] = [origin.slice(0, 64), version.slice(0, 64)];
    const key = `${shortOrigin} ${shortVersion}`;
    if (this.#refused.has(key) || this.#refused.size >= maxRefused) return;
    this.#refused.add(key);
    this.#report({ type: 'broker.refused', origin: shortOrigin, version: shortVersion });
  }

  #nodeChannel({ roomId, channel }: Place, node: string): string {
    return `${this.#prefix}{${roomId}}:${channel}:@${node}`;
  }
}

/** The channel of Redis which all nodes hear that follow a channel of a room: where scripts publish its events. */
export function allChannel(prefix: string, { roomId, channel }: Place): string {
  return `${prefix}{${roomId}}:${channel}:all`;
}
