import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Contestant, contestants } from './contestant.ts';
import { canPin } from './pinning.ts';
import { type Metric, type Metrics, metrics } from './scenarios/scenario.ts';
import { type Spread, spreadOf } from './statistics.ts';
import { type Comparison, compare, type Measured } from './targets.ts';

/** What a run of the benchmark leaves behind. */
export interface Results {
  readonly date: string;
  readonly commit: string;
  readonly machine: Readonly<Record<string, string | number | boolean>>;
  readonly rounds: number;
  readonly quick: boolean;
  readonly titles: Readonly<Record<string, string>>;
  readonly measured: Measured;
  readonly comparisons: readonly Comparison[];
}

/** The committed results, which `--check` compares with. */
export const committedFile = fileURLToPath(new URL('results.json', import.meta.url));

/** Gathers what the runs have measured. */
export class Recorder {
  readonly #runs: { readonly case: string; readonly contestant: Contestant; readonly metrics: Metrics }[] =
    [];

  add(name: string, contestant: Contestant, measured: Metrics): void {
    this.#runs.push({ case: name, contestant, metrics: measured });
  }

  results(titles: Readonly<Record<string, string>>, rounds: number, quick: boolean): Results {
    const names = [...new Set(this.#runs.map((run) => run.case))];
    const measured = Object.fromEntries(names.map((name) => [name, this.#byContestant(name)]));
    return {
      date: new Date().toISOString(),
      commit: commit(),
      machine: machine(),
      rounds,
      quick,
      titles,
      measured,
      comparisons: compare(measured),
    };
  }

  #byContestant(name: string): Measured[string] {
    const rows = contestants.map((contestant) => {
      const runs = this.#runs.filter((run) => run.case === name && run.contestant === contestant);
      return [contestant, spreadsOf(runs.map((run) => run.metrics))] as const;
    });
    return Object.fromEntries(rows.filter(([, spreads]) => Object.keys(spreads).length > 0));
  }
}

function spreadsOf(runs: readonly Metrics[]): Readonly<Partial<Record<Metric, Spread>>> {
  const names = Object.keys(metrics) as Metric[];
  const rows = names.map((name) => [name, runs.flatMap((run) => run[name] ?? [])] as const);
  return Object.fromEntries(
    rows.filter(([, values]) => values.length > 0).map(([name, values]) => [name, spreadOf(values)]),
  );
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
