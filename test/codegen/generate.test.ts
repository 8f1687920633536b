import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { drift, generate, writeFiles } from '../../src/codegen/generate.ts';

const current = generate('specs');
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A copy of what the generator reads and writes, in a folder of its own. */
function project(...parts: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-generate-'));
  folders.push(folder);
  for (const part of parts) cpSync(part, join(folder, part), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  return folder;
}

function edit(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
}

test('generated/ is what specs/ say: after a change run npm run generate', async () => {
  expect(drift(await current, 'generated')).toEqual([]);
});

test('the same specs give the same bytes', async () => {
  expect([...(await generate('specs'))]).toEqual([...(await current)]);
});

test('an added field of one message changes a handful of lines', async () => {
  const folder = project('specs');
  const before = await current;
  const field = "loud: { type: boolean, description: 'Whether to shout.' }";
  edit(
    join(folder, 'specs/asyncapi.yaml'),
    'text: { type: string, minLength: 1',
    `${field}\n        text: { type: string, minLength: 1`,
  );
  const after = await generate(join(folder, 'specs'));

  const changed: Record<string, number> = {};
  for (const [name, text] of after) {
    const lines = linesOnlyIn(text, before.get(name) ?? '') + linesOnlyIn(before.get(name) ?? '', text);
    if (lines > 0) changed[name] = lines;
  }
  // The type and its comment; the one line of the validator, before and after.
  expect(changed).toEqual({ 'asyncapi.json': expect.any(Number), 'messages.ts': 2, 'validators.js': 2 });
  expect(changed['asyncapi.json']).toBeLessThanOrEqual(6);
});

function linesOnlyIn(text: string, other: string): number {
  const left = new Map<string, number>();
  for (const line of other.split('\n')) left.set(line, (left.get(line) ?? 0) + 1);
  return text.split('\n').filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  }).length;
}

describe('drift', () => {
  const files = new Map([
    ['a.ts', 'a\n'],
    ['b.ts', 'b\n'],
  ]);

  test('is nothing after writing, whatever was there before', () => {
    const folder = join(project(), 'generated');
    expect(drift(files, folder)).toEqual(['a.ts', 'b.ts']);
    writeFiles(new Map([['old.ts', 'of a contract that is gone\n']]), folder);
    writeFiles(files, folder);
    expect(drift(files, folder)).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['a.ts', 'b.ts']);
  });

  test('names what was edited, what is missing and what is one too many', () => {
    const folder = join(project(), 'generated');
    writeFiles(files, folder);
    writeFileSync(join(folder, 'a.ts'), 'a \n');
    rmSync(join(folder, 'b.ts'));
    writeFileSync(join(folder, 'c.ts'), '');
    expect(drift(files, folder)).toEqual(['a.ts', 'b.ts', 'c.ts']);
  });
});

describe('the command line', { timeout: 60_000 }, () => {
  const parts = ['package.json', 'specs', 'generated', 'src/codegen'];

  function run(folder: string, ...options: string[]): Promise<{ code: unknown; output: string }> {
    return new Promise((done) => {
      execFile(
        process.execPath,
        ['src/codegen/main.ts', ...options],
        { cwd: folder },
        (error, stdout, stderr) => done({ code: error === null ? 0 : error.code, output: stdout + stderr }),
      );
    });
  }

  test('--check says in one line which files a changed spec makes stale; generating brings them back', async () => {
    const folder = project(...parts);
    edit(join(folder, 'specs/asyncapi.yaml'), 'kicked: 4500', 'kicked: 4510');
    expect(await run(folder, '--check')).toEqual({
      code: 1,
      output: 'generated/ is not what specs/ say; run npm run generate (asyncapi.json, messages.ts)\n',
    });
    expect(readFileSync(join(folder, 'generated/messages.ts'), 'utf8')).toContain('kicked: 4500');
    expect(await run(folder)).toEqual({ code: 0, output: '' });
    expect(readFileSync(join(folder, 'generated/messages.ts'), 'utf8')).toContain('kicked: 4510');
  });

  test('a spec that is wrong is refused in one line, and nothing is written', async () => {
    const folder = project(...parts);
    edit(join(folder, 'specs/schemas/Connection.yaml'), 'channel: zoom', 'channel: radio');
    const before = readFileSync(join(folder, 'generated/openapi.json'), 'utf8');
    const fault =
      'specs/openapi.yaml#/components/schemas/Connection: an example breaks its schema at /channel: must be equal to one of the allowed values\n';
    expect(await run(folder)).toEqual({ code: 1, output: fault });
    expect(readFileSync(join(folder, 'generated/openapi.json'), 'utf8')).toBe(before);
  });
});
