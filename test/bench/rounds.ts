import type { Case, ClusterCase, ServerCase } from './cases.ts';
import { ClusterUnderTest } from './cluster.ts';
import { type ClusterContestant, type Contestant, ServerUnderTest, type StartOptions } from './contestant.ts';
import type { Run } from './results.ts';
import type { Measure, Metrics } from './scenarios/scenario.ts';

/** One contestant in one case. */
interface Entry {
  readonly case: Case;
  readonly contestant: Contestant;
  readonly start: (options: StartOptions) => Promise<Started>;
}

/** A server or a cluster that runs. */
interface Started {
  readonly prepare: () => Promise<Measure>;
  readonly stop: () => Promise<void>;
}

/** A contestant that is ready to be measured. */
interface Arena extends Entry {
  readonly measure: Measure;
}

/** How the rounds go, beside what is in them. */
export interface RoundsOptions {
  readonly rounds: number;
  /** Where CPU profiles of our own server go. */
  readonly profiles: string | undefined;
  /** After so many seconds nothing new is begun. */
  readonly budgetSeconds: number;
}

/** Measures all cases in every round. What fails is reported as an error and gives no numbers; the others go on. */
export async function runRounds(cases: readonly Case[], options: RoundsOptions): Promise<Run[]> {
  const runs: Run[] = [];
  const deadline = performance.now() + options.budgetSeconds * 1000;
  for (let round = 0; round < options.rounds; round++) {
    console.log(`Round ${round + 1} of ${options.rounds}`);
    for (const entries of groupsOf(cases, round)) {
      if (performance.now() < deadline) runs.push(...(await runGroup(entries, round, options)));
      else console.log(`  ${entries.map((entry) => entry.case.id).join(', ')}  left out: the time is up`);
    }
  }
  return runs;
}

/** Who is measured by turns: all of a scenario, or each alone where there is only one sample. */
function groupsOf(cases: readonly Case[], round: number): Entry[][] {
  const byScenario = Map.groupBy(cases, ({ scenario }) => scenario);
  return [...byScenario.values()].flatMap((group) => {
    const entries = group.flatMap((one) => rotated(entriesOf(one), round));
    const isByTurns = group.some(({ samples }) => samples > 1);
    return isByTurns ? [entries] : entries.map((entry) => [entry]);
  });
}

/** A case with each who takes part in it. */
function entriesOf(one: Case): Entry[] {
  if (one.nodes === undefined) {
    return one.contestants.map((contestant) => ({
      case: one,
      contestant,
      start: (options) => startServer(one, contestant, options),
    }));
  }
  return one.contestants.map((contestant) => ({
    case: one,
    contestant,
    start: (options) => startCluster(one, contestant, options),
  }));
}

async function startServer(one: ServerCase, name: Contestant, options: StartOptions): Promise<Started> {
  const server = await ServerUnderTest.start(name, options);
  return { prepare: () => one.prepare(server), stop: () => server.stop() };
}

async function startCluster(
  one: ClusterCase,
  name: ClusterContestant,
  options: StartOptions,
): Promise<Started> {
  const cluster = await ClusterUnderTest.start(name, one.nodes, options);
  return { prepare: () => one.prepare(cluster), stop: () => cluster.stop() };
}

async function runGroup(entries: readonly Entry[], round: number, options: RoundsOptions): Promise<Run[]> {
  const servers: Started[] = [];
  const arenas: Arena[] = [];
  const runs: Run[] = [];
  try {
    for (const entry of entries) {
      await attempt(entry, async () => {
        const server = await start(entry, options);
        servers.push(server);
        arenas.push({ ...entry, measure: await server.prepare() });
      });
    }
    const samples = Math.max(...entries.map((entry) => entry.case.samples));
    for (let sample = 0; sample < samples; sample++) {
      for (const arena of rotated(arenas, sample)) {
        const { contestant, case: one } = arena;
        const metrics = await attempt(arena, arena.measure);
        if (metrics) runs.push({ case: one.id, contestant, slot: round * samples + sample, metrics });
        else arenas.splice(arenas.indexOf(arena), 1);
        if (metrics) console.log(`  ${one.id}  ${contestant}  ${summary(metrics)}`);
      }
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
  return runs;
}

function start(
  { case: one, contestant, start: begin }: Entry,
  { profiles }: RoundsOptions,
): Promise<Started> {
  const profileInto = profiles && contestant === 'signalbox' ? `${profiles}/${one.id}` : undefined;
  return begin({ settings: one.settings, profileInto });
}

async function attempt<T>({ case: one, contestant }: Entry, run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    process.exitCode = 1;
    console.error(`  ${one.id}  ${contestant}  FAILED: ${(error as Error).message}`);
    return undefined;
  }
}

/** The list, beginning with another one each time. */
function rotated<T>(list: readonly T[], by: number): T[] {
  const start = by % Math.max(1, list.length);
  return [...list.slice(start), ...list.slice(0, start)];
}

function summary({ commands: _named, ...metrics }: Metrics): string {
  const entries = Object.entries(metrics).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
  return entries.join(', ');
}
