import { type Case, casesOf } from './cases.ts';
import { clusterCasesOf } from './cluster-cases.ts';
import { help, type Options, readOptions, UsageError } from './options.ts';
import { canPin, moveToGeneratorCore } from './pinning.ts';
import { committedFile, type Results, readResults, resultsOf, writeResults } from './results.ts';
import { runRounds } from './rounds.ts';
import { printed, printedCommands } from './table.ts';
import { regressions } from './targets.ts';

// npm run bench: this process is the load generator; each server under test is a child, alone on its core. The nodes of a
// cluster and their Redis share that core: what counts is the CPU time of all of them.

/** Leaves what was begun by then the time to end within two minutes. */
const quickSeconds = 100;
/** Waiting for the core this long is not the contestants' own doing. */
const busyPercent = 10;

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(help);
  else await main(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}

async function main({ quick, cluster, only, rounds, json, save, check, profiles }: Options): Promise<void> {
  const all: readonly Case[] = cluster ? clusterCasesOf(quick) : casesOf(quick);
  const cases = all.filter(({ scenario }) => only?.has(scenario) ?? true);
  checkOpenFiles(cases);
  if (canPin) moveToGeneratorCore();
  else console.log('taskset or a second core is missing: server and generator share what there is.');
  const runs = await runRounds(cases, {
    rounds,
    profiles,
    budgetSeconds: quick ? quickSeconds : Number.POSITIVE_INFINITY,
  });
  const results = resultsOf(cases, runs, { rounds, quick });
  // Read before it may be written.
  const committed = check ? readResults(committedFile(cluster)) : undefined;
  writeResults(json, results);
  if (save) writeResults(committedFile(cluster), results);
  console.log(`\n${heading(results, cluster)}\n\n${printed(results)}`);
  const commands = printedCommands(results);
  if (commands.length > 0) console.log(`\nWhat Redis ran for each message or join:\n${commands.join('\n')}`);
  console.log(`\nResults: ${json}`);
  if (profiles) console.log(`CPU profiles: ${profiles}; open them in Chrome's DevTools or in an editor`);
  if (committed) report(regressions(results.comparisons, committed.comparisons));
}

function report(worse: readonly string[]): void {
  for (const line of worse) console.error(`WORSE  ${line}`);
  if (worse.length > 0) process.exitCode = 1;
  else console.log('No ratio is more than 25 % worse than the committed one.');
}

function heading({ date, commit, machine, rounds, quick, cases }: Results, isCluster: boolean): string {
  const { cpu, cores, memoryGb, node, kernel, pinned } = machine;
  const where = `${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}, ${kernel}${pinned ? ', pinned' : ''}`;
  const how = `${rounds} rounds${quick ? ', quick' : ''}, medians (min–max)`;
  const waited = cases.flatMap(({ measured }) =>
    Object.values(measured).map(({ waitedPercent }) => waitedPercent?.median ?? 0),
  );
  const most = Math.round(Math.max(0, ...waited));
  // Processes that wait for each other gather more when others hold them up, and what is gathered is cheaper.
  const holds = isCluster ? 'Measure again when it is not.' : 'Ratios hold, times do not.';
  const busy = `\nThe machine was busy: servers waited for their core up to ${most} % of the time. ${holds}`;
  return `${date}, commit ${commit}, ${where}; ${how}${most > busyPercent ? busy : ''}`;
}

/** Each connection is an open file of the generator; those of a scenario may be open at the same time. */
function checkOpenFiles(cases: readonly Case[]): void {
  const byScenario = Map.groupBy(cases, ({ scenario }) => scenario);
  const needed = Array.from(byScenario.values(), (group) => {
    const open = group.map(({ connections, contestants, samples }) =>
      samples > 1 ? connections * contestants.length : connections,
    );
    return open.reduce((sum, one) => sum + one, 200);
  });
  const most = Math.max(...needed);
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { soft: number | string } };
  };
  const limit = userLimits?.open_files?.soft ?? 'unlimited';
  if (limit === 'unlimited' || Number(limit) >= most) return;
  throw new UsageError(
    `${most} open files are needed and ${limit} are allowed: raise it with ulimit -n ${most}`,
  );
}
