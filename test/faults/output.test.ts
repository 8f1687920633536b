import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { atScopeEnd } from '../support/scope.ts';

const megabyte = 1_024 * 1_024;

/** A process that has logged 30 MB, of which nobody has read anything yet. */
async function unread() {
  const child = spawn(process.execPath, ['test/support/chatterbox.ts'], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  atScopeEnd(() => child.kill('SIGKILL'));
  if (child.stdout === null) throw new Error('it has no output');
  const [told] = await once(child, 'message');
  return { child, stdout: child.stdout, told: told as { grownBytes: number; tookMs: number } };
}

test('nobody reads the log: it neither blocks, nor fills the memory, nor keeps the process from its end', async () => {
  const { child, told } = await unread();
  expect(told.grownBytes).toBeLessThan(64 * megabyte);
  const exited = once(child, 'exit');
  const startedAt = performance.now();
  child.send('exit');
  expect(await exited).toEqual([0, null]);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
}, 30_000);

test('somebody reads the log again: it goes on with whole lines, and says how many were dropped', async () => {
  const { child, stdout } = await unread();
  let text = '';
  const dropped = new Promise<number>((resolve) => {
    stdout.on('data', (chunk) => {
      text += chunk;
      const [, lines] = /"lines":(\d+),"msg":"log\.dropped"/.exec(text) ?? [];
      if (lines !== undefined) resolve(Number(lines));
    });
  });
  const lost = await dropped;
  const exited = once(child, 'close');
  child.send('exit');
  await exited;
  const lines = text.trimEnd().split('\n');
  for (const line of lines) expect(JSON.parse(line)).toHaveProperty('msg');
  expect(lines.length - 1 + lost).toBe(100_000);
}, 30_000);

test('whoever read the log has gone: the process goes on, and ends when it is told to', async () => {
  const { child, stdout } = await unread();
  stdout.destroy();
  await once(stdout, 'close');
  const exited = once(child, 'exit');
  child.send('exit');
  expect(await exited).toEqual([0, null]);
}, 30_000);
