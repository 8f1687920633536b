import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { declaredFacts, measure, printed, readFacts } from '../contract/coverage.ts';
import type { Fact } from '../contract/facts.ts';
import { transcriptOf } from '../contract/transcript.ts';

// npm test: the static checks, then every test, then how much of the contract the tests provoked, with a transcript
// of it. With arguments (npm test -- test/auth -t expired) only vitest runs, with these arguments, and without those.

/** How many checks or tests ended how. */
interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** What vitest's JSON reporter writes, as far as it is read here. */
interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

const bin = resolve('node_modules/.bin');
const env = {
  ...process.env,
  PATH: `${bin}${delimiter}${process.env.PATH}`,
  CI: 'true', // asyncapi sends no statistics, vitest refuses .only
  ...(!process.stdout.isTTY && { NO_COLOR: '1' }),
};
const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
const filters = process.argv.slice(2);

/** Each finds what the others do not. They run at the same time. */
const staticChecks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['generated files are what the specs say', process.execPath, 'src/codegen/main.ts', '--check'],
  ['tsc', join(bin, 'tsc'), '-p', 'tsconfig.json'],
  ['biome', join(bin, 'biome'), 'check', '.'],
  ['redocly lint', join(bin, 'redocly'), 'lint'],
  ['asyncapi validate', join(bin, 'asyncapi'), 'validate', 'specs/asyncapi.yaml', '--fail-severity=warn'],
];

/** Each message once, as it was on the wire. */
const transcript = 'test-results/transcript.jsonl';

/** Tests and `tsc` look at the package as it ships, too. */
const build = ['build', process.execPath, 'src/codegen/build.ts'] as const;

const directory = mkdtempSync(join(tmpdir(), 'signalbox-test-'));
try {
  await runStaticCheck(build);
  if (filters.length === 0) await Promise.all(staticChecks.map(runStaticCheck));
  await runVitest(directory);
  if (filters.length === 0) checkCoverage(directory);
  else console.log('Static checks and contract coverage were skipped, since only some tests were asked for.');
} finally {
  rmSync(directory, { recursive: true, force: true });
}
console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
process.exitCode = tally.failed > 0 ? 1 : 0;

function count(name: string, passed: boolean, detail = ''): void {
  tally[passed ? 'passed' : 'failed'] += 1;
  console.log(`${passed ? '✓' : '✗'} ${name}${detail}`);
}

async function runStaticCheck([name, command, ...args]: (typeof staticChecks)[number]): Promise<void> {
  const startedAt = performance.now();
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const passed = (await exitCode(child)) === 0;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  count(name, passed, ` (${seconds} s)${passed ? '' : `\n${output.trim()}`}`);
}

async function runVitest(into: string): Promise<void> {
  const report = join(into, 'vitest.json');
  const facts = join(into, 'facts');
  mkdirSync(facts);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const child = spawn(join(bin, 'vitest'), ['run', ...reporters, ...filters], {
    env: { ...env, CONTRACT_COVERAGE_DIR: facts },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await exitCode(child);
  const before = tally.failed;
  try {
    addVitest(JSON.parse(readFileSync(report, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // it ended before it could report
  }
  // Errors outside of any test, such as an unhandled rejection, show in the exit code alone.
  if (code !== 0 && tally.failed === before) count(`vitest ended with ${code}`, false);
}

function addVitest(report: VitestReport): void {
  tally.passed += report.numPassedTests;
  tally.failed += report.numFailedTests;
  tally.skipped += report.numPendingTests + report.numTodoTests;
  for (const { name, status, assertionResults } of report.testResults) {
    // A file that does not load, or whose last hook fails, has no failed test to show for it.
    const silent = status === 'failed' && !assertionResults.some((result) => result.status === 'failed');
    if (silent) count(relative('.', name), false);
  }
}

function checkCoverage(from: string): void {
  const seen = readFacts(join(from, 'facts'));
  const coverage = measure(declaredFacts(), seen);
  console.log(printed(coverage));
  count('contract coverage', coverage.complete);
  writeTranscript(seen, coverage.rows.find(({ section }) => section === 'transcript')?.missing ?? []);
}

function writeTranscript(seen: readonly Fact[], missing: readonly string[]): void {
  const lines = transcriptOf(seen);
  mkdirSync(dirname(transcript), { recursive: true });
  writeFileSync(transcript, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const lacking = missing.length === 0 ? '' : `, but not ${missing.join(', ')}`;
  count(
    `${transcript} holds ${lines.length} messages as they were on the wire`,
    missing.length === 0,
    lacking,
  );
}

function exitCode(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((done, fail) => child.on('close', done).on('error', fail));
}
