import type { Envelope } from '../../src/cluster/envelope.ts';
import { listenTo } from '../../src/cluster/listener.ts';
import type { Publisher, Redis } from '../../src/cluster/redis.ts';
import { type BrokerEvent, RedisBroker } from '../../src/cluster/redis-broker.ts';
import {
  type DeliveryEvent,
  type ProbeWindows,
  probeWindows,
  Subscriptions,
} from '../../src/cluster/subscriptions.ts';
import type { Broker, NodeMessage } from '../../src/rooms/broker.ts';
import type { Place } from '../../src/rooms/connection.ts';
import { connectToAll, patientMs } from '../support/redis.ts';
import { atScopeEnd } from '../support/scope.ts';

/** What has come to a node. */
export interface Received {
  readonly place: Place;
  readonly message: NodeMessage;
  readonly origin: string;
}

/** One node, as far as messages go. */
export interface BrokerNode {
  /** May be changed, as by a lost lease. */
  readonly id: { now: string };
  readonly broker: RedisBroker;
  readonly subscriptions: Subscriptions;
  readonly redis: Redis & Publisher;
  readonly received: Received[];
  readonly events: Envelope[];
  readonly reports: (BrokerEvent | DeliveryEvent)[];
  readonly gaps: { count: number };
  /** Resolves once all has come that nodes have sent so far about a channel of a room, which it leaves followed. */
  settled(place: Place, by?: Broker): Promise<void>;
}

let nodes = 0;

/** As on a real node, but that a busy machine may take longer to answer. */
const patiently: ProbeWindows = { ...probeWindows, answerMs: patientMs };
/** Windows so short that no test waits for long. */
export const briefly: ProbeWindows = { ...patiently, probeMs: 100, silenceMs: 400 };

/**
 * Starts one; it ends with the scope.
 *
 * @param listenUrls where its other connection goes, if not to the same address
 */
export async function startNode(
  urls: readonly string[],
  prefix: string,
  { windows = patiently, listenUrls = urls }: { windows?: ProbeWindows; listenUrls?: readonly string[] } = {},
): Promise<BrokerNode> {
  const redis = await connectToAll(urls, patientMs);
  const id = { now: `node${String(++nodes).padStart(4, '0')}` };
  const received: Received[] = [];
  const events: Envelope[] = [];
  const reports: (BrokerEvent | DeliveryEvent)[] = [];
  const gaps = { count: 0 };
  const report = (event: BrokerEvent | DeliveryEvent) => void reports.push(event);
  const onGap = () => {
    gaps.count += 1;
  };
  const clock = {
    now: () => performance.now(),
    later: (run: () => void, ms: number) => void setTimeout(run, ms).unref(),
  };
  const subscriptions = new Subscriptions(redis, listenTo(listenUrls), prefix, onGap, report, clock, windows);
  let arrived: () => void = () => {};
  const receiver = {
    message: (place: Place, message: NodeMessage, origin: string) => {
      if (message.kind === 'vacate' && message.clientId === 'settled') arrived();
      else received.push({ place, message, origin });
    },
    event: (_place: Place, event: Envelope) => {
      if (event.words[0] === 'settled') arrived();
      else events.push(event);
    },
  };
  const broker = new RedisBroker(subscriptions, redis, prefix, () => id.now, receiver, report);
  await subscriptions.start();
  atScopeEnd(() => subscriptions.stop());
  const settled = async (place: Place, by?: Broker) => {
    await broker.follow(place);
    const { promise, resolve } = Promise.withResolvers<void>();
    arrived = resolve;
    if (by !== undefined) by.send(id.now, place, { kind: 'vacate', clientId: 'settled' });
    else
      await redis.publish(`${prefix}{${place.roomId}}:${place.channel}:all`, `2 ${id.now} event settled\n{}`);
    await promise;
  };
  return { id, broker, subscriptions, redis, received, events, reports, gaps, settled };
}
