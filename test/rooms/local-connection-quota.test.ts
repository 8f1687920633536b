import { expect, test } from 'vitest';
import { LocalConnectionQuota } from '../../src/rooms/local-connection-quota.ts';
import { claimantOf, connectionQuotaSuite } from './connection-quota-suite.ts';

connectionQuotaSuite('LocalConnectionQuota', (limits) => {
  const quota = new LocalConnectionQuota(limits);
  return [quota, quota];
});

test('it answers, and refuses, in the same tick', () => {
  const quota = new LocalConnectionQuota({ perUserAndRoom: 1, perUser: 9, perAddress: 9 });
  expect(quota.take('a', claimantOf(1))).toBeUndefined();
  expect(() => quota.take('b', claimantOf(1))).toThrow('You have 1');
  expect(() => quota.check(claimantOf(1))).toThrow('You have 1');
});
