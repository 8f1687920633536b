import { execFile } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** A change of one handler, or of one property of what it returns. */
interface Mutant {
  readonly name: string;
  readonly handler: string;
  /** The property of the reply; without it the handler is the target. */
  readonly reply?: string;
  readonly change: (property: string) => string;
  /** What the compiler must name. */
  readonly named: string;
}

const mutants: readonly Mutant[] = [
  { name: 'message-missing', handler: 'chat.send', change: () => '', named: 'chat.send' },
  { name: 'message-extra', handler: 'chat.send', change: add("'chat.shout': () => {}"), named: 'chat.shout' },
  { name: 'operation-missing', handler: 'closeRoom', change: () => '', named: 'closeRoom' },
  { name: 'operation-extra', handler: 'closeRoom', change: add('openRoom: () => {}'), named: 'openRoom' },
  ...replyMutants('reply', 'session.ping', 'serverTime'),
  ...replyMutants('body', 'closeRoom', 'disconnected'),
];

function replyMutants(name: string, handler: string, reply: string): Mutant[] {
  const mistyped = () => `${reply}: 'none'`;
  const fault = "'string' is not assignable to type 'number'";
  return [
    { name: `${name}-missing`, handler, reply, change: () => '', named: `'${reply}' is missing` },
    { name: `${name}-mistyped`, handler, reply, change: mistyped, named: fault },
    { name: `${name}-surplus`, handler, reply, change: add('surplus: 1'), named: 'surplus' },
  ];
}

function add(another: string): Mutant['change'] {
  return (property) => `${property}, ${another}`;
}

const folder = mkdtempSync(join(tmpdir(), 'signalbox-types-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What `tsc` says of the handlers as they are, and of each mutant, by name. One run for all: a run takes its time. */
let faults: Map<string, string>;

beforeAll(async () => {
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  cpSync('package.json', join(folder, 'package.json'));
  // What a mutant no longer uses is not what is looked for.
  const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: resolve('tsconfig.json'), compilerOptions, include: ['*/src/handlers'] }),
  );
  const names = ['as-it-is', ...mutants.map(({ name }) => name)];
  for (const name of names) {
    cpSync('src/handlers', join(folder, name, 'src/handlers'), { recursive: true });
    // The compiler goes by real paths, so it reads what all have in common once.
    for (const part of ['generated', 'src/rooms', 'src/limits'])
      symlinkSync(resolve(part), join(folder, name, part));
  }
  for (const mutant of mutants) mutate(join(folder, mutant.name), mutant);
  const output = await new Promise<string>((done) => {
    execFile(
      resolve('node_modules/.bin/tsc'),
      ['-p', 'tsconfig.json', '--pretty', 'false'],
      { cwd: folder },
      (_error, stdout, stderr) => done(stdout + stderr),
    );
  });
  faults = new Map(names.map((name) => [name, '']));
  // A fault is a line that begins with its file, and the indented lines that follow it.
  for (const fault of output.split(/\n(?=\S)/)) {
    const name = fault.slice(0, fault.indexOf('/'));
    faults.set(name, (faults.get(name) ?? '') + fault);
  }
}, 60_000); // it shares the machine with the other tests

function mutate(project: string, { handler, reply, change }: Mutant): void {
  let count = 0;
  for (const file of globSync(join(project, 'src/handlers/**/*.ts'))) {
    const text = readFileSync(file, 'utf8');
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    const found = findProperty(source, handler);
    const target = found && reply !== undefined ? findProperty(found, reply) : found;
    if (target === undefined) continue;
    const changed = change(target.getText());
    // A removed property takes its comma along.
    const rest = text.slice(target.getEnd());
    writeFileSync(
      file,
      text.slice(0, target.getStart()) + changed + (changed === '' ? rest.replace(/^\s*,/, '') : rest),
    );
    count += 1;
  }
  expect([handler, reply, count]).toEqual([handler, reply, 1]);
}

/** The property of this name in an object literal, anywhere inside. */
function findProperty(inside: ts.Node, key: string): ts.ObjectLiteralElementLike | undefined {
  return ts.forEachChild(inside, (node) =>
    ts.isObjectLiteralElementLike(node) && node.name !== undefined && nameOf(node.name) === key
      ? node
      : findProperty(node, key),
  );
}

function nameOf(name: ts.PropertyName): string {
  return ts.isIdentifier(name) || ts.isStringLiteral(name) ? name.text : '';
}

test('the handlers compile as they are', () => {
  expect([...faults.keys()].sort()).toEqual(['as-it-is', ...mutants.map(({ name }) => name)].sort());
  expect(faults.get('as-it-is')).toBe('');
});

test.each(mutants)('a change of $handler does not compile: $name', ({ name, named }) => {
  expect(faults.get(name)).toMatch(/ error TS\d+: /);
  expect(faults.get(name)).toContain(named);
});
