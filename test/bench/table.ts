import { contestants } from './contestant.ts';
import type { Results } from './results.ts';
import { type Metric, metrics } from './scenarios/scenario.ts';
import type { Spread } from './statistics.ts';
import { type Comparison, otherOf } from './targets.ts';

const headings = ['scenario', 'measure', ...contestants, 'targets'];

/** The results as one table in Markdown, which also reads well in a terminal. */
export function printed({ titles, measured, comparisons }: Results): string {
  const rows = Object.entries(measured).flatMap(([name, row]) => {
    const shown = (Object.keys(metrics) as Metric[]).filter((metric) =>
      contestants.some((contestant) => row[contestant]?.[metric] !== undefined),
    );
    return shown.map((metric, index) => [
      index === 0 ? `${name}: ${titles[name]}` : '',
      metrics[metric].label,
      ...contestants.map((contestant) => cell(metric, row[contestant]?.[metric])),
      comparisons
        .filter((one) => one.case === name && one.metric === metric)
        .map(verdict)
        .join('; '),
    ]);
  });
  return aligned([headings, ...rows]);
}

/** A median, and from where to where the rounds went. */
function cell(metric: Metric, spread: Spread | undefined): string {
  if (spread === undefined) return '';
  const [median, min, max] = [spread.median, spread.min, spread.max].map((value) => figure(metric, value));
  return min === max ? `${median}` : `${median} (${min}–${max})`;
}

function figure(metric: Metric, value: number): string {
  const { digits } = metrics[metric];
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function verdict({ metric, kind, of, value, max, met }: Comparison): string {
  const verb = met ? 'met' : 'NOT met';
  if (of === undefined) return `${figure(metric, value)}, target ≤ ${max}: ${verb}`;
  const sign = kind === 'difference' && value > 0 ? '+' : '';
  const limit = kind === 'difference' ? `+${max}` : max;
  return `${sign}${value.toFixed(2)} ${kind === 'ratio' ? 'of' : 'against'} ${otherOf(of)}, target ≤ ${limit}: ${verb}`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(
    (row) => `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return lines.toSpliced(1, 0, rule).join('\n');
}
