import { describe, expect, test } from 'vitest';
import type { Cluster, ClusterNode } from '../support/cluster.ts';
import { connectTo } from '../support/redis.ts';
import { enter, expectOneView, expectTalk, joined, within } from './crowd.ts';
import { expectTogether, expectWhole, never, readiness, start } from './whole.ts';

describe('a subscriber that is half-open, while commands go through:', () => {
  /** Stalls what one node is subscribed by at the moment, and gives how many connections that were. */
  async function stallSubscribers({ redis }: Cluster, { redisProxy }: ClusterNode): Promise<number> {
    const list = String(await (await connectTo(redis)).command('CLIENT', 'LIST', 'TYPE', 'PUBSUB'));
    const ports = [...list.matchAll(/ addr=127\.0\.0\.1:(\d+) /g)].map(([, port]) => Number(port));
    return ports.filter((port) => redisProxy.stallOne(port)).length;
  }

  test('within 6 s it is noticed and rebuilt; what came meanwhile is known', async () => {
    const { cluster, guests } = await start();
    const [deaf = never(), speaking = never()] = cluster.nodes;
    const listeners = guests.filter(({ node, roomId }) => node === deaf && roomId === 'room-0');
    expect(await stallSubscribers(cluster, deaf)).toBeGreaterThan(0);
    const newcomer = await enter(speaking, 'room-0', 'newcomer');
    await deaf.process.prints(/"msg":"delivery\.silent"/, 8000);
    await deaf.process.prints(/"msg":"delivery\.restored"/, 4000);
    await within(2000, async () => {
      for (const guest of listeners) {
        expect(joined(guest).filter((id) => id === newcomer.clientId)).toHaveLength(1);
      }
      expect(await readiness(deaf)).toBe(200);
    });
    await expectOneView([...guests, newcomer]);
    await expectTalk(newcomer, listeners[0] ?? never(), 'Do you hear me?');
    expect(guests.every(({ socket }) => socket.ws.readyState === socket.ws.OPEN)).toBe(true);
  }, 60_000);

  test('while it cannot be rebuilt the node is not ready, and the others are', async () => {
    const { cluster, guests } = await start();
    const [deaf = never(), ...others] = cluster.nodes;
    deaf.redisProxy.stallComing();
    expect(await stallSubscribers(cluster, deaf)).toBeGreaterThan(0);
    await within(12_000, async () => {
      const response = await fetch(`${deaf.url}/readyz`);
      expect([response.status, (await response.json()).code]).toEqual([503, 'degraded']);
    });
    for (const node of others) expect(await readiness(node)).toBe(200);
    await deaf.redisProxy.set({ kind: 'pass' });
    await within(12_000, () => expectWhole(cluster, guests));
    await expectTogether(cluster, guests);
  }, 60_000);
});
