import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { atScopeEnd } from './scope.ts';

/** What the settings need, and no test: this one must not run itself. */
const support = ['setup', 'scope', 'spread'].map((name) => `test/support/${name}.ts`);

/** Runs one test file with the settings of this project, and no other: gives its exit code, and what it said. */
async function runAlone(file: string, text: string): Promise<{ code: number; output: string }> {
  const root = mkdtempSync(join(tmpdir(), 'signalbox-alone-'));
  atScopeEnd(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of ['test/support', dirname(file)]) mkdirSync(join(root, folder), { recursive: true });
  for (const needed of ['node_modules', 'vitest.config.ts', ...support]) {
    symlinkSync(resolve(needed), join(root, needed));
  }
  writeFileSync(join(root, file), text);
  const child = spawn(
    resolve('node_modules/.bin/vitest'),
    ['run', file, '--root', root, '--project', 'one node'],
    {
      cwd: root,
      env: { ...process.env, NO_COLOR: '1', CONTRACT_COVERAGE_DIR: '' },
    },
  );
  atScopeEnd(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

const passing = `
import { test } from 'vitest';
test('passes', async () => {
  LATE
  await new Promise((later) => setTimeout(later, 50));
});`;

test.each([
  ['nothing', '', 0, /1 passed/],
  ['a rejection', "void Promise.reject(new Error('injected'));", 1, /Unhandled Rejection[\s\S]*injected/],
  [
    'an exception',
    "setImmediate(() => { throw new Error('injected'); });",
    1,
    /Uncaught Exception[\s\S]*injected/,
  ],
])(
  '%s that nobody handles: the run says so, though each test passes',
  async (_what, late, code, said) => {
    const run = await runAlone('test/e2e/alone.test.ts', passing.replace('LATE', late));
    expect(run.output).toMatch(said);
    expect(run.code).toBe(code);
  },
  60_000,
);
