import { describe, expect, test } from 'vitest';
import type { AddressFailures } from '../../src/limits/address.ts';

/**
 * The cases that all `AddressFailures` pass; that a minute passes is the matter of each.
 *
 * @param create returns those of two nodes, which may be one and the same
 */
export function addressFailuresSuite(
  name: string,
  create: (perMinute: number) => readonly [AddressFailures, AddressFailures],
): void {
  describe(name, () => {
    /** Expects an address to be refused on both nodes, until the minute is over, or on none. */
    const expectRefused = async (nodes: readonly AddressFailures[], ip: string, isRefused: boolean) => {
      for (const failures of nodes) {
        const waitMs = await failures.retryAfterMs(ip);
        expect(waitMs !== undefined).toBe(isRefused);
        if (waitMs === undefined) continue;
        expect(waitMs).toBeGreaterThan(30_000);
        expect(waitMs).toBeLessThanOrEqual(60_000);
      }
    };

    test('refuses an address after its last allowed failure, wherever it came, and no other address', async () => {
      const nodes = create(4);
      for (let n = 0; n < 4; n += 1) {
        await expectRefused(nodes, '192.0.2.1', false);
        await nodes[n < 3 ? 0 : 1].record('192.0.2.1');
      }
      await expectRefused(nodes, '192.0.2.1', true);
      await expectRefused(nodes, '::ffff:192.0.2.1', true);
      await expectRefused(nodes, '192.0.2.2', false);
    });

    test('counts a /64 as one address', async () => {
      const nodes = create(2);
      await nodes[0].record('2001:db8::1');
      await nodes[1].record('2001:db8::2');
      await expectRefused(nodes, '2001:db8::3', true);
      await expectRefused(nodes, '2001:db8:0:1::3', false);
    });

    test('asking counts nothing, so valid credentials never block their address', async () => {
      const nodes = create(1);
      for (let n = 0; n < 500; n += 1) await expectRefused(nodes, '192.0.2.1', false);
    });

    test('is in force here at once', async () => {
      const [here] = create(2);
      const recorded = [here.record('192.0.2.1'), here.record('192.0.2.1')];
      expect(await here.retryAfterMs('192.0.2.1')).toBeGreaterThan(30_000);
      await Promise.all(recorded);
    });

    test('whatever an address looks like', async () => {
      const nodes = create(1);
      for (const ip of ['', '{a}', '__proto__', '127.0.0.1:80']) await expectRefused(nodes, ip, false);
      await nodes[0].record('}:{');
      for (const ip of ['', '{a}', '__proto__', '127.0.0.1:80']) await expectRefused(nodes, ip, true);
    });
  });
}
