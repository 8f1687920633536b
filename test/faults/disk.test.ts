import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { expect, test } from 'vitest';
import { newDirectory } from '../support/directory.ts';
import { SignalboxProcess } from '../support/process.ts';
import { join, type TestSocket, valueAt } from '../support/socket.ts';
import { jwtSecret, mintToken } from '../support/token.ts';
import { watch } from '../support/watch.ts';

const rooms = ['r0', 'r1'];
const senders = ['alice', 'bob', 'carol'];

async function start(DATA_DIR: string) {
  const node = new SignalboxProcess([], {
    ...{ JWT_SECRET: jwtSecret, HOST: '127.0.0.1', DATA_DIR },
    ...{ MESSAGE_BUDGET_SCALE: '1000', CHAT_HISTORY_MESSAGES: '100000' },
  });
  const [, port] = await node.prints(/"url":"http:\/\/[\d.]+:(\d+)"/, 60_000);
  return { ...node, prints: node.prints.bind(node), port: await watch(Number(port)) };
}

/** All of a room's history, page by page. */
async function historyOf(socket: TestSocket) {
  const found: { messageId: string; text: string }[] = [];
  for (;;) {
    const after = found.at(-1)?.messageId ?? '0';
    const { payload } = await socket.ask('chat.history', { after, limit: 100 });
    found.push(...(valueAt(payload, 'messages') as typeof found));
    if (payload.more !== true) return found;
  }
}

/** The ids of the messages that were acknowledged to a client, or that it was told. */
function idsIn({ frames }: TestSocket, ...types: ('ack' | 'chat.message')[]): string[] {
  return frames
    .filter(({ type }) => types.some((wanted) => wanted === type))
    .map(({ payload }) => valueAt(payload, 'result', 'messageId') ?? payload.messageId)
    .filter((id) => typeof id === 'string');
}

test('a node is killed with -9 in the middle of a chat, again and again: what was acknowledged or told is in the history', {
  timeout: 180_000,
}, async () => {
  const dir = newDirectory();
  const known = new Map(rooms.map((roomId) => [roomId, new Set<string>()]));
  for (const [round, killedAfter] of [1, 250, 700].entries()) {
    const node = await start(dir);
    const chatting = await Promise.all(
      rooms.flatMap((roomId) =>
        senders.map(async (sub) => ({
          ...(await join(node, `/ws/chat/${roomId}`, mintToken({ sub }))),
          ...{ roomId, sub },
        })),
      ),
    );
    let acknowledged = 0;
    const said = chatting.map(async ({ socket, sub }) => {
      let sent = 0;
      const say = () => {
        sent += 1;
        socket.send({ type: 'chat.send', id: `m${sent}`, payload: { text: `${round} ${sub} ${sent}` } });
      };
      for (let ahead = 0; ahead < 5; ahead += 1) say();
      try {
        for (;;) {
          await socket.next('ack', 60_000);
          acknowledged += 1;
          if (acknowledged === killedAfter) node.child.kill('SIGKILL');
          say();
        }
      } catch {
        return sent; // the node is dead
      }
    });
    const sent = (await Promise.all(said)).reduce((sum, one) => sum + one);
    expect(sent).toBeGreaterThan(acknowledged); // it was in the middle
    await node.finished;
    const acks = chatting.flatMap(({ socket }) => idsIn(socket, 'ack'));
    expect(acks).toHaveLength(acknowledged);
    for (const { socket, roomId } of chatting) {
      for (const id of idsIn(socket, 'ack', 'chat.message')) known.get(roomId)?.add(id);
    }

    const revived = await start(dir);
    for (const roomId of rooms) {
      const { socket } = await join(revived, `/ws/chat/${roomId}`, mintToken({ sub: 'reader' }));
      const history = await historyOf(socket);
      const ids = history.map(({ messageId }) => messageId);
      expect(ids).toEqual([...new Set(ids)].toSorted());
      expect([...(known.get(roomId) ?? [])].filter((id) => !ids.includes(id))).toEqual([]);
      for (const sub of senders) {
        const texts = history.map(({ text }) => text).filter((text) => text.startsWith(`${round} ${sub} `));
        expect(texts).toEqual(texts.map((_, n) => `${round} ${sub} ${n + 1}`));
      }
    }
    revived.child.kill('SIGKILL');
    await revived.finished;
  }
});

/** How long a file may become that a process writes, in bytes: a disk that is full, and one that is so no more. */
function limitFiles(pid: number | undefined, bytes: number | 'unlimited'): void {
  const { status } = spawnSync('prlimit', ['--pid', `${pid}`, `--fsize=${bytes}:`]);
  expect(status).toBe(0);
}

test('a disk that is full: what cannot be kept is refused, all else goes on, and the log says it once', {
  timeout: 60_000,
}, async () => {
  const dir = newDirectory();
  const node = await start(dir);
  const { socket } = await join(node, '/ws/zoom/r', mintToken({ sub: 'alice' }));
  const other = await join(node, '/ws/zoom/r', mintToken({ sub: 'bob' }));
  const kept: unknown[] = [];
  const say = async () => {
    const { type, payload } = await socket.ask('chat.send', { text: 'x'.repeat(2_000) });
    if (type === 'ack') kept.push(valueAt(payload, 'result', 'messageId'));
    return type === 'ack' ? undefined : payload;
  };
  expect(await say()).toBeUndefined();
  limitFiles(node.child.pid, statSync(joinPath(dir, 'chat.db-wal')).size + 30_000);
  let refusal = await say();
  for (let sent = 0; refusal === undefined && sent < 100; sent += 1) refusal = await say();
  const degraded = { code: 'degraded', retryable: true, retryAfterMs: 1_000 };
  expect(refusal).toMatchObject(degraded);
  for (let sent = 0; sent < 10; sent += 1) expect(await say()).toMatchObject(degraded);

  expect((await historyOf(socket)).map(({ messageId }) => messageId)).toEqual(kept);
  await socket.ask('signal.data', { to: other.clientId, topic: 't', data: {} });
  await other.socket.next('signal.data');
  await node.prints(/history\.failed/);

  limitFiles(node.child.pid, 'unlimited');
  expect(await say()).toBeUndefined();
  await node.prints(/history\.recovered/);
  node.child.kill('SIGTERM');
  const { code, stdout } = await node.finished;
  expect(code).toBe(0);
  expect(stdout.match(/history\.\w+/g)).toEqual(['history.failed', 'history.recovered']);
  await other.socket.closed;
  expect(idsIn(other.socket, 'chat.message')).toEqual(kept);

  const revived = await start(dir);
  const reader = await join(revived, '/ws/zoom/r', mintToken({ sub: 'carol' }));
  expect((await historyOf(reader.socket)).map(({ messageId }) => messageId)).toEqual(kept);
});
