import type { Trend } from './trend.ts';

/** One thing that was measured again and again. */
export interface Curve {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly trend: Trend;
}

const width = 340;
const height = 90;
const columns = 4;
const margin = 24;

/** A picture of curves beside each other, each on a scale that begins with 0; as SVG. */
export function plotted(title: string, curves: readonly Curve[]): string {
  const rows = Math.ceil(curves.length / columns);
  const size = [columns * (width + margin) + margin, rows * (height + 3 * margin) + 2 * margin];
  const panels = curves.map((curve, n) => {
    const x = margin + (n % columns) * (width + margin);
    const y = 3 * margin + Math.floor(n / columns) * (height + 3 * margin);
    return `<g transform="translate(${x} ${y})">${panel(curve)}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.join(' ')}" font-family="sans-serif" font-size="12">
<title>${title}</title>
<rect width="100%" height="100%" fill="white"/>
<text x="${margin}" y="${margin}" font-size="14">${title}</text>
${panels.join('\n')}
</svg>
`;
}

function panel({ name, unit, values, trend }: Curve): string {
  const most = Math.max(1, ...values) * 1.1;
  const at = (value: number, n: number) =>
    `${((n / Math.max(1, values.length - 1)) * width).toFixed(1)},${(height - (value / most) * height).toFixed(1)}`;
  const colour = trend.grows ? 'crimson' : 'steelblue';
  const verdict = `${shown(trend.median)} ${unit}, ${trend.rise < 0 ? '' : '+'}${shown(trend.rise)} in all`;
  return `<text y="-8">${name}: ${verdict}</text>
<path d="M0,0V${height}H${width}" fill="none" stroke="grey"/>
<polyline points="${values.map(at).join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"/>
<text x="2" y="10" fill="grey" font-size="10">${shown(most)}</text>`;
}

function shown(value: number): string {
  return `${Math.round(value * 10) / 10}`;
}
