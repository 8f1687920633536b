import { type Case, casesOf } from './cases.ts';
import { type Contestant, ServerUnderTest } from './contestant.ts';
import { help, type Options, readOptions } from './options.ts';
import { canPin, moveToGeneratorCore } from './pinning.ts';
import { committedFile, Recorder, type Results, readResults, writeResults } from './results.ts';
import type { Metrics } from './scenarios/scenario.ts';
import { printed } from './table.ts';
import { regressions } from './targets.ts';

// npm run bench: this process is the load generator; each server under test is a child, alone on its core.

const options = readOptions(process.argv.slice(2));
if (options.help) console.log(help);
else await main(options);

async function main({ quick, only, rounds, json, save, check, profiles }: Options): Promise<void> {
  const cases = casesOf(quick).filter(({ scenario }) => only?.has(scenario) ?? true);
  checkOpenFiles(cases);
  if (canPin) moveToGeneratorCore();
  else console.log('taskset or a second core is missing: server and generator share what there is.');
  const recorder = new Recorder();
  for (let round = 0; round < rounds; round++) {
    console.log(`Round ${round + 1} of ${rounds}`);
    for (const one of cases) {
      for (const contestant of rotated(one.contestants, round)) {
        const measured = await run(one, contestant, profiles);
        if (measured) recorder.add(one.id, contestant, measured);
      }
    }
  }
  const titles = Object.fromEntries(cases.map(({ id, title }) => [id, title]));
  const results = recorder.results(titles, rounds, quick);
  // Read before it may be written.
  const committed = check ? readResults(committedFile) : undefined;
  writeResults(json, results);
  if (save) writeResults(committedFile, results);
  console.log(`\n${heading(results)}\n\n${printed(results)}\n\nResults: ${json}`);
  if (profiles) console.log(`CPU profiles: ${profiles}; open them in Chrome's DevTools or in an editor`);
  if (committed) report(regressions(results.comparisons, committed.comparisons));
}

/** A run that fails is an error, and no number; the others go on. */
async function run(
  one: Case,
  contestant: Contestant,
  profiles: string | undefined,
): Promise<Metrics | undefined> {
  const startedAt = performance.now();
  const profileInto = profiles && contestant === 'signalbox' ? `${profiles}/${one.id}` : undefined;
  const server = await ServerUnderTest.start(contestant, { settings: one.settings, profileInto });
  try {
    const measured = await one.run(server);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    console.log(`  ${one.id}  ${contestant}  ${summary(measured)}  (${seconds} s)`);
    return measured;
  } catch (error) {
    process.exitCode = 1;
    console.error(`  ${one.id}  ${contestant}  FAILED: ${(error as Error).message}`);
    return undefined;
  } finally {
    await server.stop();
  }
}

function summary(measured: Metrics): string {
  const entries = Object.entries(measured).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
  return entries.join(', ');
}

function report(worse: readonly string[]): void {
  for (const line of worse) console.error(`WORSE  ${line}`);
  if (worse.length > 0) process.exitCode = 1;
  else console.log('No ratio is more than 25 % worse than the committed one.');
}

function heading({ date, commit, machine, rounds, quick }: Results): string {
  const { cpu, cores, memoryGb, node, kernel, pinned } = machine;
  const where = `${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}, ${kernel}${pinned ? ', pinned' : ''}`;
  return `${date}, commit ${commit}, ${where}; ${rounds} rounds${quick ? ', quick' : ''}, medians (min–max)`;
}

/** Who begins is another one in each round. */
function rotated<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

/** Each connection is an open file, on both sides. */
function checkOpenFiles(cases: readonly Case[]): void {
  const needed = Math.max(...cases.map(({ connections }) => connections)) + 200;
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { soft: number | string } };
  };
  const limit = userLimits?.open_files?.soft ?? 'unlimited';
  if (limit === 'unlimited' || Number(limit) >= needed) return;
  throw new Error(
    `${needed} open files are needed and ${limit} are allowed: raise it with ulimit -n ${needed}`,
  );
}
