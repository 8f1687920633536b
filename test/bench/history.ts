import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { ChatFile } from '../../src/disk/chat-file.ts';
import { openChatStore } from '../../src/disk/disk-chat-store.ts';
import type { ChatStore, StoredMessage } from '../../src/rooms/chat-store.ts';
import { LocalChatStore } from '../../src/rooms/local-chat-store.ts';

// node test/bench/history.ts [messages a second] [directory]: what it costs to keep chat, in memory and on this disk.
// Histories are full, so that each message takes one out. CPU time is of the whole process, and of the event loop alone.

const rooms = 100;
const seconds = 8;
const tickMs = 5;
const bounds = { maxMessages: 500, maxAgeMs: 86_400_000 };
const onDisk = { ...bounds, maxBytes: 1_000_000_000 };
const [rate = 2_000, parent = tmpdir()] = [Number(process.argv[2] ?? 2_000), process.argv[3]];
const clock = { now: Date.now, later: () => {} };

let said = 0;
function message(): StoredMessage {
  said += 1;
  const entry = {
    messageId: `0199c9f0-${String(said).padStart(27, '0')}`,
    from: 'client_0123456789abcdef0123456789abcdef',
    userId: `user_${said % 500}`,
    presenterName: 'Some Name',
    text: 'x'.repeat(150),
    private: false,
    sentAt: new Date().toISOString(),
  };
  return { entry, readers: undefined, sentAt: Date.now() };
}

const place = () => ({ roomId: `room ${said % rooms}`, channel: 'chat' as const });

/** How messages that are due together are kept; answers when they are. */
type Keep = (count: number) => Promise<unknown> | undefined;

const each =
  (store: ChatStore): Keep =>
  (count) => {
    const kept = Array.from({ length: count }, () => store.append(place(), message()));
    return Promise.all(kept);
  };

async function measure(name: string, keep: Keep): Promise<void> {
  for (let n = 0; n < rooms * bounds.maxMessages; n += 500) await keep(500);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  const acks: number[] = [];
  const begun = said;
  const [all, own, startedAt] = [process.cpuUsage(), process.threadCpuUsage(), performance.now()];
  loop.enable();
  for (let dueAt = startedAt; dueAt < startedAt + seconds * 1_000; dueAt += tickMs) {
    const count = Math.floor(((dueAt - startedAt) / 1_000) * rate) - (said - begun);
    const sentAt = performance.now();
    if (count > 0) void keep(count)?.then(() => acks.push(performance.now() - sentAt));
    await wait(Math.max(0, dueAt + tickMs - performance.now()));
  }
  const [used, ownUsed] = [process.cpuUsage(all), process.threadCpuUsage(own)];
  loop.disable();
  acks.sort((a, b) => a - b);
  const of = ({ user, system }: NodeJS.CpuUsage) => ((user + system) / (said - begun)).toFixed(1);
  const ack = (share: number) => acks[Math.ceil((acks.length - 1) * share)]?.toFixed(2);
  console.log(
    `${name.padEnd(36)} CPU µs a message: ${of(used)}, event loop ${of(ownUsed)}; ` +
      `longest stall ${(loop.max / 1e6).toFixed(0)} ms; kept after ms: p50 ${ack(0.5)}, p99 ${ack(0.99)}, longest ${ack(1)}`,
  );
}

async function inDirectory(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(parent, 'signalbox-history-'));
  await use(dir).finally(() => rmSync(dir, { recursive: true }));
}

const alone = (file: ChatFile) => () => file.together(() => file.append(place(), message()));

await measure('nothing', (count) => {
  for (let n = 0; n < count; n += 1) message();
  return Promise.resolve();
});
await measure('memory', each(new LocalChatStore({ ...bounds, maxTotal: 100_000 }, Date.now)));
await inDirectory(async (dir) => {
  const file = new ChatFile(dir, onDisk, Date.now);
  await measure('disk, in the event loop, one by one', (count) => {
    // Too slow to fill it in that way.
    if (count === 500)
      file.together(() => Array.from({ length: count }, () => file.append(place(), message())));
    else Array.from({ length: count }, alone(file));
    return Promise.resolve();
  });
  file.close();
});
await inDirectory(async (dir) => {
  const file = new ChatFile(dir, onDisk, Date.now);
  await measure('disk, in the event loop, grouped', async (count) => {
    file.together(() => Array.from({ length: count }, () => file.append(place(), message())));
  });
  file.close();
});
await inDirectory(async (dir) => {
  const store = await openChatStore(dir, onDisk, ({ type }) => console.log(type), clock);
  await measure('disk, as DATA_DIR has it', each(store));
  await store.stop();
});
