import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { TelemetryEvent } from '../../src/telemetry.ts';
import { SignalboxProcess } from '../support/process.ts';
import { startServer } from '../support/server.ts';
import { join, openSocket } from '../support/socket.ts';
import { jwtSecret, mintToken } from '../support/token.ts';
import { openRaw } from './raw-socket.ts';

test('a client that stops reading is told why it is ended, and the others miss nothing', {
  timeout: 60_000,
}, async () => {
  const closed = Promise.withResolvers<number>();
  const report = (event: TelemetryEvent) => {
    if (event.type === 'socket.closed' && event.connection.identity.userId === 'slow')
      closed.resolve(event.code);
  };
  const server = await startServer({ MESSAGE_BUDGET_SCALE: '1000' }, { report });
  const sender = await join(server, '/ws/chat/busy', server.token({ sub: 'sender' }));
  const reader = await join(server, '/ws/chat/busy', server.token({ sub: 'reader' }));
  const slow = await join(server, '/ws/chat/busy', server.token({ sub: 'slow' }));
  await sender.socket.next('presence.joined');
  slow.socket.ws.pause();

  let sent = 0;
  let code: number | undefined;
  void closed.promise.then((value) => {
    code = value;
  });
  // What the operating system and the tap hold comes first, so how many it takes is theirs to say.
  while (code === undefined && sent < 5000) {
    sent += 1;
    sender.socket.send({ type: 'signal.data', payload: { topic: `${sent}`, data } });
    expect((await reader.socket.next('signal.data')).payload.topic).toBe(`${sent}`);
  }
  expect(code).toBe(4002);
  slow.socket.ws.resume(); // within the second that it has, so that the code can be seen on the wire
  expect(await slow.socket.closed).toEqual({ code: 4002, reason: 'slow_consumer' });
  expect((await reader.socket.next('presence.left')).payload.departures).toEqual([
    { clientId: slow.clientId, reason: 'closed' },
  ]);
});

test('in a busy room of 50 one that stops reading is ended within 11 s, and memory stays within 20 MB', {
  timeout: 60_000,
}, async () => {
  const child = new SignalboxProcess([], {
    ...{ HOST: '127.0.0.1', JWT_SECRET: jwtSecret, LOG_LEVEL: 'debug' },
    ...{ MESSAGE_BUDGET_SCALE: '1000', MAX_CONNECTIONS_PER_ADDRESS: '100' },
  });
  const [, listens] = await child.prints(/"url":"http:\/\/[\d.]+:(\d+)"/);
  // With no checker in between: it would hold what the process must not be seen to hold.
  const server = { port: Number(listens) };
  const readers = await Promise.all(Array.from({ length: 49 }, (_, index) => openReader(server, index)));
  const slow = await openRaw(server, `/ws/chat/busy?token=${mintToken({ sub: 'slow' })}`);

  let sent = 0;
  /** Keeps the room busy, up to 6 MB a second for each, and gives the most memory that the process took. */
  async function talk(isOver: () => boolean): Promise<number> {
    const [sender, ...others] = readers;
    const message = JSON.stringify({ type: 'signal.data', payload: { topic: 'busy', data } });
    const [sentBefore, startedAt] = [sent, performance.now()];
    let peak = 0;
    while (!isOver()) {
      const due = sentBefore + (performance.now() - startedAt) / 10;
      // The readers set the pace where the machine is slow: one of the 50 is to be behind, and no other.
      const most = Math.min(due, 12 + Math.min(...others.map(({ received }) => received)));
      for (; sent < most; sent += 1) sender?.ws.send(message);
      await sleep(5);
      peak = Math.max(peak, residentBytes(child.child.pid));
    }
    return peak;
  }

  await talk(after(3000)); // until the process has all the memory that such talk takes
  const before = await talk(after(2000));
  slow.tcp.pause();
  let isEnded = false;
  const ended = child.prints(/"userId":"slow","code":(\d+),"msg":"socket.closed"/, 11_000).finally(() => {
    isEnded = true;
  });
  ended.catch(() => {}); // looked at when the talk is over
  const during = await talk(() => isEnded);
  expect((await ended)[1]).toBe('4002');
  const afterwards = await talk(after(1000));
  expect(Math.max(during, afterwards) - before).toBeLessThan(20_000_000);
  await vi.waitUntil(() => readers.slice(1).every(({ received }) => received === sent), { timeout: 5000 });
});

const data = 'x'.repeat(60_000);

/** Joins the busy room, and counts what is said there without keeping it. */
async function openReader(server: { readonly port: number }, index: number) {
  const { ws } = await openSocket(server, '/ws/chat/busy', mintToken({ sub: `reader ${index}` }));
  const reader = { ws, received: 0 };
  ws.removeAllListeners('message');
  ws.on('message', (bytes: Buffer) => {
    if (bytes.length > data.length) reader.received += 1;
  });
  return reader;
}

function after(ms: number): () => boolean {
  const end = performance.now() + ms;
  return () => performance.now() > end;
}

/** The memory that a process takes from the machine. */
function residentBytes(pid: number | undefined): number {
  const [, kilobytes] =
    process.platform === 'linux'
      ? (/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [])
      : ['', execFileSync('ps', ['-o', 'rss=', '-p', `${pid}`], { encoding: 'utf8' })];
  return Number(kilobytes) * 1024;
}
