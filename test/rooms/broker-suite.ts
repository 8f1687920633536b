import { describe, expect, test } from 'vitest';
import type { Broker, NodeMessage } from '../../src/rooms/broker.ts';

const room = { roomId: 'r', channel: 'chat' } as const;
const frame = { text: '{"type":"notice"}', volatile: false };
const messages: NodeMessage[] = [
  { kind: 'announce', frame },
  { kind: 'direct', to: 'client_1', frame },
  { kind: 'banned', userId: 'u', by: 'admin', until: 1 },
];

/** A node, and what has come to it from others. */
export interface TestNode {
  readonly broker: Broker;
  readonly nodeId: string;
  readonly received: readonly unknown[];
  /** Resolves once all has come that was sent so far. */
  settled(): Promise<void>;
}

/** What every broker promises, whether there are other nodes or none. */
export function brokerSuite(name: string, start: () => Promise<TestNode>): void {
  describe(`${name}, by itself`, () => {
    test('nothing comes back to the node that sent it', async () => {
      const { broker, nodeId, received, settled } = await start();
      await broker.follow(room);
      for (const message of messages) {
        expect(broker.publish(room, message)).toBeUndefined();
        expect(broker.send(nodeId, room, message)).toBeUndefined();
      }
      await settled();
      expect(received).toEqual([]);
    });

    test('what nobody follows is nobody’s', async () => {
      const { broker, received, settled } = await start();
      for (const message of messages) broker.publish(room, message);
      for (const message of messages) broker.send('nosuchno', room, message);
      await settled();
      expect(received).toEqual([]);
    });

    test('a channel is followed and left again and again, in any order', async () => {
      const { broker } = await start();
      broker.unfollow(room);
      await Promise.all([broker.follow(room), broker.follow({ ...room })]);
      await broker.follow(room);
      broker.unfollow(room);
      broker.unfollow(room);
      for (let n = 0; n < 10; n += 1) {
        const followed = broker.follow(room);
        broker.unfollow(room);
        await followed;
      }
      await broker.follow(room);
    });
  });
}
