import { type Contestant, clusterContestants, contestants } from './contestant.ts';
import type { Results } from './results.ts';
import { type Metric, metrics, shown } from './scenarios/scenario.ts';
import type { Spread } from './statistics.ts';
import { type Comparison, otherOf } from './targets.ts';

const everyone: readonly Contestant[] = [...new Set([...contestants, ...clusterContestants])];

/** The results as one table in Markdown, which also reads well in a terminal. */
export function printed({ cases, comparisons }: Results): string {
  const present = everyone.filter((one) => cases.some(({ measured }) => measured[one]));
  const rows = cases.flatMap(({ id, title, measured }) => {
    const rowsOfCase = shown.flatMap(([metric, { label, above = Number.NEGATIVE_INFINITY }]) => {
      const spreads = present.map((contestant) => measured[contestant]?.[metric]);
      if (!spreads.some((spread) => spread && spread.median > above)) return [];
      const targets = comparisons.filter((one) => one.case === id && one.metric === metric);
      return [[label, ...spreads.map((spread) => cell(metric, spread)), targets.map(verdict).join('; ')]];
    });
    return rowsOfCase.map((cells, index) => [index === 0 ? `${id}: ${title}` : '', ...cells]);
  });
  return aligned([['scenario', 'measure', ...present, 'targets'], ...rows]);
}

/** What Redis ran for each message or join, by name: a line for each case and contestant, or none. */
export function printedCommands({ cases }: Results): string[] {
  return cases.flatMap(({ id, commands = {} }) =>
    Object.entries(commands).map(([contestant, counts]) => {
      const list = Object.entries(counts).map(([name, count]) => `${name} ${count.toFixed(2)}`);
      return `${id}  ${contestant}  ${list.join(', ') || 'nothing'}`;
    }),
  );
}

/** A median, and from where to where the samples went. */
function cell(metric: Metric, spread: Spread | undefined): string {
  if (spread === undefined) return '';
  const [median, min, max] = [spread.median, spread.min, spread.max].map((value) => figure(metric, value));
  return min === max ? `${median}` : `${median} (${min}–${max})`;
}

function figure(metric: Metric, value: number): string {
  const { digits } = metrics[metric];
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function verdict({ metric, kind, of, atMost, met, ...spread }: Comparison): string {
  const verb = met ? 'met' : 'NOT met';
  if (of === undefined) return `${figure(metric, spread.median)}, target ≤ ${atMost}: ${verb}`;
  const [median, min, max] = [spread.median, spread.min, spread.max].map((value) => value.toFixed(2));
  if (kind === 'difference') return `${median} beyond ${otherOf(of)}, target ≤ ${atMost}: ${verb}`;
  const range = min === max ? '' : ` (${min}–${max})`;
  return `${median}${range} of ${otherOf(of)}, target ≤ ${atMost}: ${verb}`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(
    (row) => `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return lines.toSpliced(1, 0, rule).join('\n');
}
