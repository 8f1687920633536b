import { describe, expect, test } from 'vitest';
import type { Claimant, ConnectionLimits, ConnectionQuota } from '../../src/rooms/connection-quota.ts';

/** A client id that this node makes, as real ones are made; the same number gives the same id. */
export function clientIdOf(node: string, n: number): string {
  return `client_${node}_${n.toString(16).padStart(32, '0')}`;
}

/** The user `u` in the room `r`, from an address of its own. */
export function claimantOf(n: number, more: Partial<Claimant> = {}): Claimant {
  return { userId: 'u', roomId: 'r', address: `192.0.2.${n}`, ...more };
}

/** The ids of the two nodes of the suite. */
export const nodeIds = ['aaaaaaaa', 'bbbbbbbb'] as const;

const limits = { perUserAndRoom: 3, perUser: 5, perAddress: 4 };

/**
 * The cases that every `ConnectionQuota` passes.
 *
 * @param create returns the quotas of two nodes, which may be one and the same
 */
export function connectionQuotaSuite(
  name: string,
  create: (limits: ConnectionLimits) => readonly [ConnectionQuota, ConnectionQuota],
): void {
  describe(name, () => {
    const setUp = (of = limits) => {
      const quotas = create(of);
      let taken = 0;
      /** Takes one more, on one node after the other. */
      const take = async (claimant: Claimant) => {
        const side = taken++ % 2 === 0 ? 0 : 1;
        const clientId = clientIdOf(nodeIds[side], taken);
        await quotas[side].take(clientId, claimant);
        return { clientId, claimant, quota: quotas[side] };
      };
      return { quotas, take };
    };
    const refusal = (message: string) => expect.objectContaining({ code: 'connection_limit', message });

    test('so many of a user in a room, in all, and of an address; check says the same and takes nothing', async () => {
      const { quotas, take } = setUp();
      const refused = async (claimant: Claimant, message: string) => {
        for (const quota of quotas) {
          await expect((async () => quota.check(claimant))()).rejects.toEqual(refusal(message));
        }
        await expect(take(claimant)).rejects.toEqual(refusal(message));
      };
      for (let n = 0; n < 3; n += 1) await take(claimantOf(n));
      await refused(claimantOf(9), 'You have 3 connections to this room.');
      for (let n = 3; n < 5; n += 1) await take(claimantOf(n, { roomId: 'other' }));
      await refused(claimantOf(9, { roomId: 'another' }), 'You have 5 connections.');
      const near = (n: number) => claimantOf(9, { userId: `v${n}` });
      for (let n = 0; n < 4; n += 1) await take(near(n));
      await refused(near(9), 'There are 4 connections from this address.');
      for (const quota of quotas)
        for (let n = 0; n < 9; n += 1) await quota.check(claimantOf(1, { userId: `v${n}` }));
      await take(claimantOf(1, { userId: 'w' }));
    });

    test('one that is released makes room for one, on every node, however often it is released', async () => {
      const { quotas, take } = setUp();
      const first = await take(claimantOf(1));
      for (let n = 0; n < 2; n += 1) await take(claimantOf(1));
      for (let n = 0; n < 3; n += 1) first.quota.release(first.clientId, first.claimant);
      for (const quota of quotas) await expect.poll(async () => quota.check(claimantOf(1))).toBeUndefined();
      await take(claimantOf(1));
      await expect(take(claimantOf(1))).rejects.toEqual(refusal('You have 3 connections to this room.'));
      // This one counts no more, neither for its user nor for its address.
      first.quota.release(first.clientId, first.claimant);
      await expect(take(claimantOf(1))).rejects.toThrow();
      await take(claimantOf(1, { userId: 'v' }));
      await expect(take(claimantOf(1, { userId: 'w' }))).rejects.toThrow('from this address');
    });

    test('one that is taken again, from another address, counts there', async () => {
      const { quotas, take } = setUp();
      const [quota] = quotas;
      const all = await Promise.all([1, 2, 3].map((n) => take(claimantOf(n))));
      const [one] = all.filter((taken) => taken.quota === quota);
      if (one === undefined) throw new Error('one of three is on the first node');
      const moved = { ...one.claimant, address: '192.0.2.99' };
      let before = one.claimant;
      for (const claimant of [moved, one.claimant, moved]) {
        quota.release(one.clientId, before);
        await quota.take(one.clientId, claimant);
        before = claimant;
      }
      await expect(take(claimantOf(9))).rejects.toEqual(refusal('You have 3 connections to this room.'));
      for (let n = 0; n < 3; n += 1) await take({ ...moved, userId: `v${n}` });
      await expect(take({ ...moved, userId: 'w' })).rejects.toThrow('from this address');
    });

    test('one that is refused counts nowhere', async () => {
      const { take } = setUp();
      for (let n = 0; n < 3; n += 1) await take(claimantOf(n));
      for (let n = 0; n < 9; n += 1) await expect(take(claimantOf(9))).rejects.toThrow('to this room');
      for (let n = 0; n < 4; n += 1) await take(claimantOf(9, { userId: `v${n}` }));
      for (let n = 0; n < 9; n += 1) {
        await expect(take(claimantOf(9, { userId: 'w' }))).rejects.toThrow('address');
      }
      for (let n = 0; n < 3; n += 1) await take(claimantOf(8, { userId: 'w' }));
    });

    test('the same id counts once, and one that was never taken is released in vain', async () => {
      const { quotas, take } = setUp();
      const { clientId, claimant, quota } = await take(claimantOf(1));
      for (let n = 0; n < 9; n += 1) await quota.take(clientId, claimant);
      quotas[0].release(clientIdOf(nodeIds[0], 99), claimant);
      await take(claimantOf(1));
      await take(claimantOf(1));
      await expect(take(claimantOf(1))).rejects.toThrow('You have 3');
    });

    test('of a hundred at once on two nodes exactly as many are taken as there may be', async () => {
      const cases: [ConnectionLimits, (n: number) => Claimant][] = [
        [{ perUserAndRoom: 7, perUser: 99, perAddress: 99 }, (n) => claimantOf(n)],
        [{ perUserAndRoom: 99, perUser: 7, perAddress: 99 }, (n) => claimantOf(n, { roomId: `r${n}` })],
        [{ perUserAndRoom: 99, perUser: 99, perAddress: 7 }, (n) => claimantOf(1, { userId: `u${n}` })],
      ];
      for (const [of, claimant] of cases) {
        const { take } = setUp(of);
        const answers = await Promise.allSettled(Array.from({ length: 100 }, (_, n) => take(claimant(n))));
        expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(7);
      }
    });

    test('users may be called anything', async () => {
      const { take } = setUp();
      for (const userId of ['', ' ', 'u', 'u r', '{r}', 'r}:connections', '__proto__', 'é💬', '\n']) {
        for (let n = 0; n < 3; n += 1) await take(claimantOf(n, { userId, address: `${userId.length}${n}` }));
        await expect(take(claimantOf(9, { userId }))).rejects.toThrow('You have 3');
      }
    });
  });
}
