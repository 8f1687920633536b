import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { routes } from '../generated/operations.ts';
import { settings } from '../src/settings.ts';

const readme = readFileSync('README.md', 'utf8');

test('the table of settings is that of src/settings.ts', () => {
  const rows = settings.map(({ name, default: preset, description }) => {
    const shown = preset === '' ? '' : /^[\w.:]+$/.test(preset) ? `\`${preset}\`` : preset;
    return `| \`${name}\` | ${shown} | ${description} |`;
  });
  const table = ['| setting | default | what it is |', '|---|---|---|', ...rows].join('\n');
  const shown = /<!-- settings:.*-->\n([\s\S]*)<!-- \/settings -->/.exec(readme)?.[1]?.trim();
  expect(shown).toBe(table);
});

test('the README names every operation', () => {
  for (const { path } of Object.values(routes)) expect(readme).toContain(path);
});
