import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { atScopeEnd } from '../support/scope.ts';
import { declaredFacts, measure, printed, readFacts } from './coverage.ts';
import type { Fact } from './facts.ts';

function directoryWith(...files: readonly (readonly Fact[])[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-coverage-'));
  atScopeEnd(() => rmSync(directory, { recursive: true }));
  for (const [index, facts] of files.entries()) {
    writeFileSync(
      join(directory, `${index}.jsonl`),
      facts.map((fact) => `${JSON.stringify(fact)}\n`).join(''),
    );
  }
  return directory;
}

/** Runs the command; gives what it printed and how it ended. */
function run(directory: string): { status: number; output: string } {
  try {
    const output = execFileSync(process.execPath, ['test/contract/coverage.ts', directory], {
      encoding: 'utf8',
    });
    return { status: 0, output };
  } catch (error) {
    const { status, stdout } = error as { status: number; stdout: string };
    return { status, output: stdout };
  }
}

const declared: Fact[] = [
  ['operations', 'GET /a 200'],
  ['operations', 'GET /a 200 X-A'],
  ['operations', 'GET /b 200'],
  ['operations', 'GET /b 200 X-B'],
  ['messages', 'client.a'],
];

test('is complete when every declared fact was seen, by whichever worker', () => {
  const seen = readFacts(directoryWith(declared.slice(0, 2), [], declared));
  expect(measure(declared, seen).complete).toBe(true);
});

test('names what is missing: a response without its headers, or the header alone', () => {
  const coverage = measure(declared, [['operations', 'GET /a 200']]);
  expect(coverage.complete).toBe(false);
  expect(coverage.rows[0]).toEqual({
    section: 'operations',
    declared: 4,
    missing: ['GET /a 200 X-A', 'GET /b 200', 'GET /b 200 X-B'],
  });
  expect(printed(coverage).split('\n')).toEqual([
    'Contract coverage',
    '  operations                1/4   25 %',
    '  shared responses          0/0  100 %',
    '  unrouted responses        0/0  100 %',
    '  messages                  0/1    0 %',
    '  transcript                0/0  100 %',
    '  codes on HTTP             0/0  100 %',
    '  codes on sockets          0/0  100 %',
    '  close codes               0/0  100 %',
    '  all                       1/5   20 %',
    '  missing in operations: GET /a 200 X-A',
    '  missing in operations: GET /b 200',
    '  missing in messages: client.a',
  ]);
});

test('is not complete when something was seen that nothing declares', () => {
  const coverage = measure(declared, [...declared, ['messages', 'client.b']]);
  expect(coverage.complete).toBe(false);
  expect(printed(coverage)).toContain('declared nowhere, in messages: client.b');
});

test('as a command fails under 100 %, and says so of the real specs', () => {
  const all = declaredFacts();
  const { status, output } = run(directoryWith(all));
  expect(output).toMatch(/all +(\d+)\/\1 +100 %/);
  expect(status).toBe(0);
  const less = run(directoryWith(all.filter(([section]) => section !== 'close codes')));
  expect(less.status).toBe(1);
  expect(less.output).toContain('missing in close codes: 4500 kicked');
  expect(run(directoryWith()).status).toBe(1);
});
