import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readGenerated } from './checker.ts';
import { type Fact, type Section, sections } from './facts.ts';
import { RestContract } from './rest-contract.ts';
import { SocketContract } from './socket-contract.ts';

/** How much of what the specs declare a test run provoked. */
export interface Coverage {
  readonly rows: readonly {
    readonly section: Section;
    readonly declared: number;
    readonly missing: readonly string[];
  }[];
  /** Facts that nothing declares: the checker and the list of the declared spell something differently. */
  readonly unknown: readonly string[];
  readonly complete: boolean;
}

/** Everything that both documents declare. */
export function declaredFacts(
  openapi = readGenerated('openapi'),
  asyncapi = readGenerated('asyncapi'),
): Fact[] {
  return [...new RestContract(openapi).facts(), ...new SocketContract(asyncapi).facts()];
}

/** The facts that the workers of a test run left in a directory, a JSON array a line. */
export function readFacts(directory: string): Fact[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').trim().split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Holds what was seen against what is declared. */
export function measure(declared: readonly Fact[], seen: readonly Fact[]): Coverage {
  const entries = (facts: readonly Fact[], wanted: Section): Set<string> =>
    new Set(facts.filter(([section]) => section === wanted).map(([, entry]) => entry));
  const rows = sections.map((section) => {
    const all = entries(declared, section);
    const missing = [...all.difference(entries(seen, section))];
    return { section, declared: all.size, missing };
  });
  const unknown = sections.flatMap((section) =>
    [...entries(seen, section).difference(entries(declared, section))].map((entry) => `${section}: ${entry}`),
  );
  const complete = unknown.length === 0 && rows.every(({ missing }) => missing.length === 0);
  return { rows, unknown, complete };
}

/** The coverage as a table, and what is missing. */
export function printed({ rows, unknown }: Coverage): string {
  const line = (name: string, declared: number, missing: number): string => {
    const percent = declared === 0 ? 100 : Math.floor(((declared - missing) / declared) * 100);
    return `  ${name.padEnd(20)}${`${declared - missing}/${declared}`.padStart(9)}${`${percent} %`.padStart(7)}`;
  };
  const all = rows.reduce((sum, { declared }) => sum + declared, 0);
  const allMissing = rows.reduce((sum, { missing }) => sum + missing.length, 0);
  return [
    'Contract coverage',
    ...rows.map(({ section, declared, missing }) => line(section, declared, missing.length)),
    line('all', all, allMissing),
    ...rows.flatMap(({ section, missing }) =>
      topmost(missing).map((entry) => `  missing in ${section}: ${entry}`),
    ),
    ...unknown.map((entry) => `  declared nowhere, in ${entry}`),
  ].join('\n');
}

/** Where a whole response is missing, its headers need no lines of their own. */
function topmost(missing: readonly string[]): string[] {
  return missing.filter((entry) => !missing.some((other) => entry.startsWith(`${other} `)));
}

// node test/contract/coverage.ts <directory>: prints the coverage of a run, and fails under 100 %.
if (import.meta.main) {
  const coverage = measure(declaredFacts(), readFacts(process.argv[2] ?? '.'));
  console.log(printed(coverage));
  if (!coverage.complete) process.exitCode = 1;
}
