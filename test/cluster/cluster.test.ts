import { expect, test } from 'vitest';
import { joinCluster } from '../../src/cluster/cluster.ts';
import { LocalAddressFailures } from '../../src/limits/address.ts';
import { patientMs, startRedis } from '../support/redis.ts';
import { openTestDomain } from './room-store-guests.ts';

const capacity = { perUser: 9, perUserAndRoom: 9, perAddress: 9, roomSize: 9 };
const history = { maxMessages: 9, maxAgeMs: 60_000 };

test('a node that has left tries nothing again of what it could not do', async () => {
  const server = await startRedis();
  const due: (() => void)[] = [];
  const later = (run: () => void, ms: number) => {
    due.push(run);
    setTimeout(run, ms).unref();
  };
  const clock = { now: Date.now, later };
  const steadyNow = () => performance.now();
  const settings = { redis: { urls: [server.url], prefix: 'test:' }, capacity, history };
  const failures = new LocalAddressFailures(9);
  const cluster = await joinCluster(settings, failures, () => {}, clock, steadyNow, patientMs);
  await cluster.start(() => {}, openTestDomain(cluster, 9, clock, 0).relocation);
  const directory = cluster.directory();
  const record = {
    ...{ clientId: `client_${cluster.node()}_1`, node: cluster.node(), userId: 'u', presenterName: 'U' },
    ...{ tokenHost: false, joinedAt: '2026-01-01T00:00:00.000Z', connectionStatus: 'connected' as const },
    ...{ media: { mic: 'off', camera: 'off', screen: 'off' } as const, handRaised: false },
  };
  await server.kill();
  await expect(directory.put({ roomId: 'r', channel: 'zoom' }, record, true)).rejects.toThrow();
  await cluster.stop();
  const waiting = due.splice(0);
  expect(waiting).not.toEqual([]);
  for (const run of waiting) run();
  await new Promise((resolve) => setImmediate(resolve));
  expect(due).toEqual([]);
});
