import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Case } from './cases.ts';
import type { Commands } from './command-counts.ts';
import type { Contestant } from './contestant.ts';
import { canPin } from './pinning.ts';
import { type Metric, type Metrics, shown } from './scenarios/scenario.ts';
import { type Spread, spreadOf } from './statistics.ts';
import { type Comparison, compare } from './targets.ts';

/** One sample: what was measured of one contestant in one case. */
export interface Run {
  readonly case: string;
  readonly contestant: Contestant;
  /** Counts the samples of a case; those of the same slot were taken right after one another. */
  readonly slot: number;
  readonly metrics: Metrics;
}

type Spreads = Readonly<Partial<Record<Metric, Spread>>>;

/** What a run of the benchmark leaves behind. */
export interface Results {
  readonly date: string;
  readonly commit: string;
  readonly machine: Readonly<Record<string, string | number | boolean>>;
  readonly rounds: number;
  readonly quick: boolean;
  readonly cases: readonly {
    readonly id: string;
    readonly title: string;
    readonly measured: Readonly<Partial<Record<Contestant, Spreads>>>;
    /** What Redis ran for each message or join, by name, as counted last. */
    readonly commands?: Readonly<Partial<Record<Contestant, Commands>>>;
  }[];
  readonly comparisons: readonly Comparison[];
}

/** The committed results, which `--check` compares with; those of many nodes are on their own. */
export function committedFile(isCluster: boolean): string {
  return fileURLToPath(new URL(isCluster ? 'cluster-results.json' : 'results.json', import.meta.url));
}

/** Summarises what was measured, in the order of the cases. */
export function resultsOf(
  cases: readonly Pick<Case, 'id' | 'title'>[],
  runs: readonly Run[],
  about: Pick<Results, 'rounds' | 'quick'>,
): Results {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    machine: machine(),
    ...about,
    cases: cases.map(({ id, title }) => {
      const byContestant = Map.groupBy(
        runs.filter((run) => run.case === id),
        ({ contestant }) => contestant,
      );
      const measured = Array.from(byContestant, ([contestant, own]) => [contestant, spreadsOf(own)]);
      const counted = Array.from(byContestant).flatMap(([contestant, own]) => {
        const commands = own.findLast(({ metrics }) => metrics.commands)?.metrics.commands;
        return commands ? [[contestant, commands] as const] : [];
      });
      const commands = counted.length > 0 ? { commands: Object.fromEntries(counted) } : {};
      return { id, title, measured: Object.fromEntries(measured), ...commands };
    }),
    comparisons: compare(runs),
  };
}

function spreadsOf(runs: readonly Run[]): Spreads {
  const rows = shown.map(([name]) => [name, runs.flatMap((run) => run.metrics[name] ?? [])] as const);
  const measured = rows.filter(([, values]) => values.length > 0);
  return Object.fromEntries(measured.map(([name, values]) => [name, spreadOf(values)]));
}

export function readResults(file: string): Results {
  return JSON.parse(readFileSync(file, 'utf8'));
}

export function writeResults(file: string, results: Results): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, rounded, 2)}\n`);
}

/** More digits would say nothing, and make every difference look like one. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}

function machine(): Results['machine'] {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    kernel: `${process.platform} ${release()}`,
    pinned: canPin,
  };
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty', '--exclude', '*'], {
      encoding: 'utf8',
    }).trim();
  } catch {
    return 'unknown'; // not a clone
  }
}
