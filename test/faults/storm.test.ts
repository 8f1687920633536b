import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { SignalboxProcess } from '../support/process.ts';
import { atScopeEnd } from '../support/scope.ts';
import { testSettings } from '../support/server.ts';
import { join, type TestSocket } from '../support/socket.ts';
import { mintToken } from '../support/token.ts';
import { within } from './crowd.ts';
import type { Assignment, Muster } from './returners.ts';

const clients = 5_000;
const roomSize = 10;
/** The promise. */
const backWithinMs = 30_000;
/** What a client that was there all the time is answered within, and mostly. */
const longestWaitMs = 2_000;
const medianWaitMs = 100;
const maxGrowthMegabytes = 256;

const env = {
  ...testSettings,
  LOG_LEVEL: 'info', // which says the port
  PRESENCE_BATCH_MS: '100',
  RESUME_WINDOW_MS: '60000',
  MAX_CONNECTIONS_PER_ADDRESS: `${2 * clients}`,
  MESSAGE_BUDGET_SCALE: '100',
};

/** A process of this test, once it says that it is ready, or has done what it was told. */
async function start(file: string, ...args: readonly number[]): Promise<ChildProcess> {
  const child = fork(`test/faults/${file}`, args.map(String), { execArgv: [] });
  atScopeEnd(() => child.kill('SIGKILL'));
  await once(child, 'message');
  return child;
}

async function ask(crowd: ChildProcess, told: Assignment | 'muster'): Promise<Muster> {
  crowd.send(told);
  const [muster] = await once(crowd, 'message');
  return muster;
}

function residentMegabytes(pid: number): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
}

/** Asks for a sign of life again and again; gives how long each took, the longest first. */
async function probe(socket: TestSocket, { signal }: AbortController): Promise<number[]> {
  const waits: number[] = [];
  while (!signal.aborted) {
    const askedAt = performance.now();
    socket.send({ type: 'session.ping', payload: { t: askedAt } });
    await socket.next('session.pong', backWithinMs);
    waits.push(performance.now() - askedAt);
    await wait(20);
  }
  return waits.sort((one, other) => other - one);
}

test('5,000 clients are cut at once: all are back within 30 s, and who was not cut is served meanwhile', {
  timeout: 120_000,
}, async () => {
  const server = new SignalboxProcess([], env);
  const [, at] = await server.prints(/"url":"http:\/\/[\d.]+:(\d+)"/, 30_000);
  const [port, pid] = [Number(at), server.child.pid ?? 0];
  const entrance = await freePort();
  const passage = await start('passage.ts', port, entrance);
  const crowd = await start('returners.ts');
  const rooms = Array.from({ length: clients }, (_, n) => `room-${Math.floor(n / roomSize)}`);
  const url = `ws://127.0.0.1:${entrance}`;
  expect((await ask(crowd, { url, rooms })).connected).toBe(clients);
  const { socket } = await join({ port }, '/ws/chat/calm', mintToken());
  const calm = residentMegabytes(pid);

  const over = new AbortController();
  const waits = probe(socket, over);
  passage.kill('SIGKILL');
  await once(passage, 'exit');
  await start('passage.ts', port, entrance);
  let most = 0;
  await within(backWithinMs, async () => {
    most = Math.max(most, residentMegabytes(pid));
    const { connected, resumed } = await ask(crowd, 'muster');
    // Counted as well: right after the cut some have not noticed it.
    expect([connected, resumed]).toEqual([clients, clients]);
  });
  over.abort();
  const [longest = 0, ...others] = await waits;
  const median = others[others.length >> 1] ?? longest;
  expect(longest).toBeLessThan(longestWaitMs);
  expect(median).toBeLessThan(medianWaitMs);
  expect(most - calm).toBeLessThan(maxGrowthMegabytes);
  expect(socket.ws.readyState).toBe(socket.ws.OPEN);
});
