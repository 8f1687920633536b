import { readdirSync, writeFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { expect, test } from 'vitest';
import { newDirectory } from '../support/directory.ts';
import { SignalboxProcess, sayingLoads } from '../support/process.ts';
import { join, valueAt } from '../support/socket.ts';
import { jwtSecret, mintToken } from '../support/token.ts';
import { watch } from '../support/watch.ts';

const env = { JWT_SECRET: jwtSecret, HOST: '127.0.0.1' };

async function start(more: Record<string, string>) {
  const child = new SignalboxProcess([], { ...env, ...more });
  const [, own = ''] = await child.prints(/"url":"http:\/\/[\d.]+:(\d+)"/);
  return { child, own, port: await watch(Number(own)) };
}

test('without DATA_DIR nothing of it is even loaded', async () => {
  const { child } = await start(sayingLoads(/^node:sqlite$|\/disk\//));
  child.child.kill('SIGTERM');
  const { code, stdout } = await child.finished;
  expect([code, stdout]).toEqual([0, expect.not.stringContaining('LOADS')]);
});

test('what was said is there after a restart, and the file is whole by itself in between', {
  timeout: 60_000,
}, async () => {
  const DATA_DIR = joinPath(newDirectory(), 'data');
  const first = await start({ DATA_DIR, ...sayingLoads(/^node:sqlite$/) });
  await first.child.prints(/LOADS node:sqlite/);
  const alice = await join(first, '/ws/chat/r', mintToken({ sub: 'alice' }));
  const { payload } = await alice.socket.ask('chat.send', { text: 'kept' });
  first.child.child.kill('SIGTERM');
  expect(await first.child.finished).toMatchObject({ code: 0, stderr: '' });
  expect(readdirSync(DATA_DIR)).toEqual(['chat.db']);

  const second = await start({ DATA_DIR });
  const bob = await join(second, '/ws/chat/r', mintToken({ sub: 'bob' }));
  expect((await bob.socket.ask('chat.history')).payload).toMatchObject({
    messages: [{ messageId: valueAt(payload, 'result', 'messageId'), text: 'kept', userId: 'alice' }],
    more: false,
  });
});

test('a directory that it cannot use stops the start with one line, and so does a port that is taken', {
  timeout: 60_000,
}, async () => {
  const DATA_DIR = newDirectory();
  const { own } = await start({ DATA_DIR });
  const file = joinPath(newDirectory(), 'file');
  writeFileSync(file, '');
  const cases: [Record<string, string>, RegExp][] = [
    [{ DATA_DIR }, /^signalbox: DATA_DIR: \/\S+ is in use by another process\n$/],
    [{ DATA_DIR: file }, /^signalbox: DATA_DIR: \/\S+ cannot be used: EEXIST\b.+\n$/],
    [
      { DATA_DIR, REDIS_URL: 'redis://r' },
      /^signalbox: DATA_DIR, REDIS_URL: only one of these may be set: .+\n$/,
    ],
    [{ DATA_DIR: newDirectory(), PORT: own }, /^signalbox: HOST, PORT: cannot listen: .+\n$/],
  ];
  for (const [more, line] of cases) {
    const { code, stdout, stderr } = await new SignalboxProcess([], { ...env, ...more }).finished;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(line);
  }
});
