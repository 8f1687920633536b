import { expect, test } from 'vitest';
import { RedisLimitStore } from '../../src/cluster/redis-limit-store.ts';
import { type LimitsEvent, ResilientLimitStore } from '../../src/cluster/resilient-limit-store.ts';
import { LocalLimitStore } from '../../src/limits/local-limit-store.ts';
import type { LimitPolicy } from '../../src/limits/policy.ts';
import { connectTo, type RedisServer, startRedis } from '../support/redis.ts';
import { atScopeEnd } from '../support/scope.ts';

const policy: LimitPolicy = {
  name: 'active',
  limit: 30,
  windowMs: 60_000,
  block: { minMs: 60_000, maxMs: 600_000 },
};

/** The limiter of one of three nodes. */
async function startNode(server: RedisServer) {
  const events: LimitsEvent[] = [];
  const limits = new ResilientLimitStore(
    new RedisLimitStore(await connectTo(server), 'test:'),
    new LocalLimitStore(Date.now),
    () => 3,
    (event) => events.push(event),
    (run, ms) => void setTimeout(run, ms),
  );
  atScopeEnd(() => limits.stop());
  const calls = (key: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => limits.take(policy, key)));
  return { limits, events, calls };
}

type Node = Awaited<ReturnType<typeof startNode>>;

/** Makes calls until the node counts alone; says how long the slowest one waited. */
async function untilDegraded({ limits, calls }: Node): Promise<number> {
  const startedAt = performance.now();
  await calls('nobody', 3);
  expect(limits.degraded).toBe(true);
  return performance.now() - startedAt;
}

async function untilRecovered({ limits }: Node, deadlineMs: number): Promise<void> {
  const startedAt = performance.now();
  while (limits.degraded) {
    expect(performance.now() - startedAt).toBeLessThan(deadlineMs);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const accepted = (verdicts: readonly { allowed: boolean }[]) =>
  verdicts.filter(({ allowed }) => allowed).length;

test('a Redis that hangs: answers in time, a share of the limit, old blocks in force; then all blocks everywhere', async () => {
  const server = await startRedis();
  const [one, two] = [await startNode(server), await startNode(server)];
  expect(accepted(await one.calls('blocked before', 31))).toBe(30);

  process.kill(server.pid, 'SIGSTOP');
  // A tenth of a second by itself; the rest is for a busy machine.
  expect(await untilDegraded(one)).toBeLessThan(1_000);
  expect(one.limits.take(policy, 'blocked before')).toMatchObject({ started: false, level: 1 });
  expect(accepted(await one.calls('alone', 10))).toBe(10);
  const [violation] = await one.calls('alone', 1);
  expect(violation).toMatchObject({ started: true, level: 1, limit: 10, retryAfterMs: 60_000 });
  expect(one.events).toEqual([{ type: 'limits.degraded', error: expect.any(Error) }]);

  process.kill(server.pid, 'SIGCONT');
  await untilRecovered(one, 3_000);
  expect(one.events.length).toBe(2);
  for (const { limits } of [one, two]) {
    const refusal = await limits.blocked(policy, 'alone');
    expect(refusal).toMatchObject({ level: 1, limit: 30 });
    expect(refusal?.blockedUntil).toBeLessThanOrEqual((violation as { blockedUntil: number }).blockedUntil);
  }
  expect(accepted(await two.calls('somebody', 31))).toBe(30);
});

test('a Redis that was killed and comes back empty: the blocks that a node knows hold on all of them', async () => {
  const server = await startRedis();
  const [one, two] = [await startNode(server), await startNode(server)];
  const before = await one.calls('blocked before', 31);
  await server.kill();
  await untilDegraded(one);
  expect(accepted(await one.calls('alone', 11))).toBe(10);

  await startRedis(server.port);
  await untilRecovered(one, 6_000);
  await untilConnected(two);
  expect(await two.limits.blocked(policy, 'alone')).toMatchObject({ level: 1 });
  const known = await two.limits.blocked(policy, 'blocked before');
  const told = before.find((verdict) => !verdict.allowed);
  if (told?.allowed !== false) throw new Error('31 calls were not one too many');
  const shorterMs = told.blockedUntil - (known?.blockedUntil ?? 0);
  expect(shorterMs).toBeGreaterThanOrEqual(0);
  expect(shorterMs).toBeLessThan(1_000);
});

/** A node that has not noticed anything may still be waiting for its connection. */
async function untilConnected(node: Node): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (node.limits.degraded || (await node.limits.blocked(policy, 'alone')) === undefined) {
    expect(performance.now()).toBeLessThan(deadline);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
