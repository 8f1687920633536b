import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { startServer } from '../support/server.ts';

const readme = readFileSync('README.md', 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'signalbox-readme-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The clients that the README shows, as a reader would copy them. */
test.each([
  ['js', 'client.mjs', process.execPath],
  ['python', 'client.py', python()],
])('the client in %s works as it stands there', async (language, name, command) => {
  const [, page = ''] = readme.split('## The protocol, for who writes a client');
  const code = new RegExp(`\`\`\`${language}\\n([\\s\\S]+?)\`\`\``).exec(page)?.[1] ?? '';
  expect(code).toContain('session.welcome');
  writeFileSync(join(folder, name), code);
  const server = await startServer();
  const args = [
    join(folder, name),
    server.url.replace('http', 'ws'),
    server.token({ sub: 'a', name: 'Alice' }),
  ];
  const { stdout, stderr } = await promisify(execFile)(command, args, { timeout: 10_000 });
  expect(stderr).toBe('');
  expect(stdout.trim().split('\n')).toEqual([
    'I am Alice, one of 1',
    'Alice: Hello',
    'closed with 1000 normal',
  ]);
});

/** The Python that has the package: Debian's own, unless another one was given it. */
function python(): string {
  for (const command of ['/usr/bin/python3', 'python3']) {
    try {
      execFileSync(command, ['-c', 'import websockets'], { stdio: 'ignore' });
      return command;
    } catch {
      // the next one
    }
  }
  throw new Error('no Python has the package websockets; npm run setup installs it');
}
