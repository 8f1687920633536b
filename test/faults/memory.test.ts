import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startCluster } from '../support/cluster.ts';
import { expectOneView, listed, seat, within } from './crowd.ts';

const minuteMs = 60_000;
/** A heap has grown by then to what the work takes. */
const settledMs = 15_000;
const megabyte = 1_024 * 1_024;
const text = 'x'.repeat(2_000);

function residentBytes(pid: number): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1_024;
}

test('Redis hangs for a minute while clients go on: what waits for it does not fill the memory', {
  timeout: 120_000,
}, async () => {
  const cluster = await startCluster({ env: { MESSAGE_BUDGET_SCALE: '1000' } });
  const guests = await seat(cluster, [
    [0, 1, 2],
    [1, 2, 0],
  ]);
  const [, , , ...chatting] = guests; // who waits for the history signals no more meanwhile
  const signaling = guests.slice(0, 3);
  await Promise.all(cluster.nodes.map(({ redisProxy }) => redisProxy.set({ kind: 'stall' })));

  const startedAt = performance.now();
  const memory = () => cluster.nodes.map(({ pid }) => residentBytes(pid));
  let settled: number[] | undefined;
  let sent = 0;
  while (performance.now() - startedAt < minuteMs) {
    // 3 MB a second to the other nodes, none of which Redis takes.
    for (const { socket } of signaling) {
      for (let n = 0; n < 25; n += 1) {
        socket.send({ type: 'signal.data', payload: { topic: 't', data: { text } } });
        sent += 1;
      }
    }
    for (const { socket } of chatting) socket.send({ type: 'chat.send', payload: { text } });
    if (performance.now() - startedAt > settledMs) settled ??= memory();
    for (const { socket } of guests) socket.frames.length = 0; // of no further use
    await new Promise((done) => setTimeout(done, 50));
  }
  expect(sent).toBeGreaterThan(10_000);
  for (const [n, bytes] of memory().entries()) {
    expect(bytes - (settled?.[n] ?? 0)).toBeLessThan(64 * megabyte);
  }

  await Promise.all(cluster.nodes.map(({ redisProxy }) => redisProxy.set({ kind: 'pass' })));
  await within(10_000, async () => {
    for (const node of cluster.nodes) expect(await listed(node)).toHaveLength(guests.length);
    await expectOneView(guests);
  });
});
