import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

/** One import: a file of the project, and the file, `node:` module or package that it takes. Types count too. */
interface Import {
  readonly from: string;
  readonly to: string;
}

/** Which part of the project may import which others; within a part everything may import everything. */
const mayImport: { readonly [part: string]: readonly string[] } = {
  generated: [],
  limits: [],
  codegen: [],
  rooms: ['generated'],
  handlers: ['generated', 'rooms', 'limits'],
  transports: ['generated', 'rooms', 'limits'],
  cluster: ['generated', 'rooms', 'limits'],
  disk: ['generated', 'rooms'],
  auth: ['generated', 'rooms', 'limits'],
  client: ['generated'],
  web: ['client', 'generated'],
  top: ['generated', 'rooms', 'limits', 'handlers', 'transports', 'cluster', 'disk', 'auth'],
};
const topFiles = ['index', 'server', 'main', 'config', 'drain', 'settings', 'shared', 'telemetry'].map(
  (name) => `src/${name}.ts`,
);

/** What runs anywhere, being plain data and rules: no package and no module of Node. */
const pure = [/^src\/rooms\//, /^src\/limits\/(policy|limit-store|local-limit-store|headers)\.ts$/];

function partOf(file: string): string {
  if (file.startsWith('generated/')) return 'generated';
  return /^src\/(\w+)\//.exec(file)?.[1] ?? (topFiles.includes(file) ? 'top' : file);
}

/** What is wrong with an import, or nothing. */
function faultOf({ from, to }: Import): string | undefined {
  const [part, other] = [partOf(from), partOf(to)];
  const allowed = mayImport[part];
  if (allowed === undefined) return `${from}: no rule says what it may import`;
  if (!/^(src|generated)\//.test(to)) {
    if (to.startsWith('.') || /^(test|specs|\.\.)\//.test(to))
      return `${from}: imports ${to}, out of the project`;
    return pure.some((rule) => rule.test(from))
      ? `${from}: must import no package, but imports ${to}`
      : undefined;
  }
  return part === other || allowed.includes(other) ? undefined : `${from}: ${part} must not import ${to}`;
}

function importsOf(file: string, text: string): Import[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => ({
    from: file,
    to: fileName.startsWith('.') ? join(dirname(file), fileName) : fileName,
  }));
}

/** A way through the imports that comes back to where it began, or nothing. */
function cycleIn(imports: readonly Import[]): string[] | undefined {
  const done = new Set<string>();
  const follow = (file: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const { from, to } of imports) {
      const cycle = from === file ? follow(to, [...trail, file]) : undefined;
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const { from } of imports) {
    const cycle = follow(from, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** The lines that turn the compiler or the linter off: `any` as a type, and the comments that ask for it. */
function evasionsIn(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const found = [...text.matchAll(/@ts-(ignore|nocheck|expect-error)|biome-ignore/g)].map(
    ({ index }) => index,
  );
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(node.getStart(source));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found.map((index) => `${file}:${source.getLineAndCharacterOfPosition(index).line + 1}`);
}

/** Tests that were switched off, or that switch others off. */
function switchedOff(text: string): string[] {
  return text.match(/\b(test|it|describe|suite|bench)(\.\w+)*\.(only|skip|todo|fails)\b/g) ?? [];
}

const maxLines = 250;
const shapeless = /^(utils?|types|common|helpers?|managers?)\.\w+$/;

const read = (file: string): string => readFileSync(file, 'utf8');
const sources = globSync('{src,generated}/**/*.{ts,js}');
const handwritten = globSync('{src,test}/**/*.{ts,js,mjs,html,css}');
const imports = sources.flatMap((file) => importsOf(file, read(file)));

describe('the rules can be broken:', () => {
  test.each([
    ['src/rooms/hub.ts', 'generated/messages.ts', undefined],
    ['src/transports/http/app.ts', 'src/transports/guards/guards.ts', undefined],
    ['src/server.ts', 'src/handlers/messages/index.ts', undefined],
    ['src/main.ts', 'src/server.ts', undefined],
    ['src/limits/address.ts', 'ipaddr.js', undefined],
    ['src/limits/policy.ts', 'src/limits/limit-store.ts', undefined],
    [
      'src/rooms/hub.ts',
      'src/limits/policy.ts',
      'src/rooms/hub.ts: rooms must not import src/limits/policy.ts',
    ],
    ['src/rooms/hub.ts', 'src/config.ts', 'src/rooms/hub.ts: rooms must not import src/config.ts'],
    ['src/rooms/hub.ts', 'node:events', 'src/rooms/hub.ts: must import no package, but imports node:events'],
    [
      'src/limits/policy.ts',
      'ipaddr.js',
      'src/limits/policy.ts: must import no package, but imports ipaddr.js',
    ],
    [
      'src/handlers/a.ts',
      'src/transports/b.ts',
      'src/handlers/a.ts: handlers must not import src/transports/b.ts',
    ],
    ['src/transports/a.ts', 'src/auth/b.ts', 'src/transports/a.ts: transports must not import src/auth/b.ts'],
    ['src/server.ts', 'src/codegen/write.ts', 'src/server.ts: top must not import src/codegen/write.ts'],
    ['src/server.ts', 'src/client/index.ts', 'src/server.ts: top must not import src/client/index.ts'],
    [
      'src/codegen/a.ts',
      'generated/errors.ts',
      'src/codegen/a.ts: codegen must not import generated/errors.ts',
    ],
    ['generated/a.ts', 'src/rooms/hub.ts', 'generated/a.ts: generated must not import src/rooms/hub.ts'],
    [
      'src/client/a.ts',
      'test/support/tap.ts',
      'src/client/a.ts: imports test/support/tap.ts, out of the project',
    ],
    ['src/attic/a.ts', 'src/rooms/hub.ts', 'src/attic/a.ts: no rule says what it may import'],
    ['src/extra.ts', 'node:fs', 'src/extra.ts: no rule says what it may import'],
  ])('%s imports %s', (from, to, fault) => {
    expect(faultOf({ from, to })).toBe(fault);
  });

  test('every way to import is seen', () => {
    const text = `import a from './a.ts'; import type { B } from '../b.ts'; export * from './c.ts';
      import './d.css'; const e = await import('node:e'); let f: import('../../generated/f.ts').F;
      // import './not.ts'; \n const text = "import './not.ts'";`;
    expect(
      importsOf('src/rooms/x.ts', text)
        .map(({ to }) => to)
        .sort(),
    ).toEqual([
      'generated/f.ts',
      'node:e',
      'src/b.ts',
      'src/rooms/a.ts',
      'src/rooms/c.ts',
      'src/rooms/d.css',
    ]);
  });

  test('a cycle is found, and a diamond is none', () => {
    const of = (...pairs: string[]) => pairs.map((pair) => ({ from: pair[0] ?? '', to: pair[1] ?? '' }));
    expect(cycleIn(of('ab', 'bc', 'cd', 'db'))).toEqual(['b', 'c', 'd', 'b']);
    expect(cycleIn(of('aa'))).toEqual(['a', 'a']);
    expect(cycleIn(of('ab', 'ac', 'bd', 'cd'))).toBeUndefined();
  });

  test('any is found as a type, and not as a word', () => {
    const text = `// any\nconst a = 'any';\nawait Promise.any([]);\nlet b: any;\nlet c = <T,>(d: T[]) => d as any;\n// @ts-${'ignore'}\n`;
    expect(evasionsIn('x.ts', text).sort()).toEqual(['x.ts:4', 'x.ts:5', 'x.ts:6']);
  });

  test('a test that is switched off is found', () => {
    const off = [`test.${'skip'}('a')`, `describe.concurrent.${'only'}('b')`, `it.${'todo'}('c')`];
    expect(off.flatMap(switchedOff)).toHaveLength(3);
    expect(switchedOff("test.each([])('only', () => list.skip(1))")).toEqual([]);
  });

  test('a shapeless name is found', () => {
    const names = [
      'utils.ts',
      'types.ts',
      'helper.ts',
      'manager.ts',
      'common.js',
      'schema-types.ts',
      'types.test.ts',
    ];
    expect(names.filter((name) => shapeless.test(name))).toHaveLength(5);
  });
});

describe('the house:', () => {
  test('files import what their part may import', () => {
    expect(imports.length).toBeGreaterThan(50);
    expect(imports.flatMap((entry) => faultOf(entry) ?? [])).toEqual([]);
  });

  test('no file imports itself, by any detour', () => {
    expect(cycleIn(imports)).toBeUndefined();
  });

  test(`handwritten files have at most ${maxLines} lines`, () => {
    const lengths = handwritten.map((file) => [file, read(file).split('\n').length - 1] as const);
    expect(lengths.length).toBeGreaterThan(50);
    expect(lengths.filter(([, lines]) => lines > maxLines)).toEqual([]);
  });

  test('names say what is inside', () => {
    expect(handwritten.filter((file) => shapeless.test(basename(file)))).toEqual([]);
  });

  test('nothing in src turns the compiler or the linter off', () => {
    const typescript = globSync('src/**/*.ts');
    expect(typescript.flatMap((file) => evasionsIn(file, read(file)))).toEqual([]);
  });

  test('no test is switched off', () => {
    const tests = globSync('test/**/*.ts');
    expect(tests.flatMap((file) => switchedOff(read(file)).map((call) => `${file}: ${call}`))).toEqual([]);
  });

  test('package-lock.json names no registry', () => {
    const lock = read('package-lock.json');
    expect(lock.match(/"resolved"|https?:\/\/[\w.-]*registry[\w.-]*/g)).toBeNull();
    expect(lock).toContain('"integrity"');
  });
});
