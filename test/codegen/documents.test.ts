import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ContractError, objectAt, readDocument, refName, refTarget } from '../../src/codegen/documents.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** Writes files, and reads the one called `main.yaml`. */
function read(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-documents-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return readDocument(join(folder, 'main.yaml'));
}

describe('a document takes in the schema files that it refers to', () => {
  test('from anywhere in it, and from the files themselves', () => {
    const { root } = read({
      'main.yaml': `
        paths: { /x: { get: { schema: { $ref: ./schemas/Outer.yaml } } } }
        components: { schemas: { Own: { items: { $ref: ./schemas/Inner.yaml } } } }`,
      'schemas/Outer.yaml': 'properties: { inner: { $ref: ./Inner.yaml, description: Says more. } }',
      'schemas/Inner.yaml': 'type: string',
    });
    expect(root).toEqual({
      paths: { '/x': { get: { schema: { $ref: '#/components/schemas/Outer' } } } },
      components: {
        schemas: {
          Inner: { type: 'string' },
          Outer: {
            properties: { inner: { $ref: '#/components/schemas/Inner', description: 'Says more.' } },
          },
          Own: { items: { $ref: '#/components/schemas/Inner' } },
        },
      },
    });
    // In the order of their names, not of their use: moving an operation moves no schema.
    expect(Object.keys(objectAt(root, 'components', 'schemas'))).toEqual(['Inner', 'Outer', 'Own']);
  });

  test('also one that refers to itself', () => {
    const { root } = read({
      'main.yaml': 'tree: { $ref: ./Tree.yaml }',
      'Tree.yaml': 'type: array\nitems: { $ref: ./Tree.yaml }',
    });
    expect(root.components).toEqual({
      schemas: { Tree: { type: 'array', items: { $ref: '#/components/schemas/Tree' } } },
    });
  });

  test('our own are self-contained, and read twice they are the same', () => {
    for (const file of ['specs/openapi.yaml', 'specs/asyncapi.yaml']) {
      const text = JSON.stringify(readDocument(file).root);
      expect(text.match(/"\$ref":"(?!#\/)[^"]*"/)).toBeNull();
      expect(JSON.stringify(readDocument(file).root) === text).toBe(true);
    }
  });
});

describe('refused with the name of the file:', () => {
  const schema = 'type: string';
  test.each<[what: string, files: Record<string, string>, message: RegExp]>([
    [
      'a name that the document and a file define',
      { 'main.yaml': 'a: { $ref: ./X.yaml }\ncomponents: { schemas: { X: {} } }', 'X.yaml': schema },
      /main\.yaml: X is defined twice, in .*main\.yaml and .*X\.yaml/,
    ],
    [
      'a name that two files define',
      {
        'main.yaml': 'a: { $ref: ./1/X.yaml }\nb: { $ref: ./2/X.yaml }',
        '1/X.yaml': schema,
        '2/X.yaml': schema,
      },
      /main\.yaml: X is defined twice, in .*1.X\.yaml and .*2.X\.yaml/,
    ],
    ['a file that is not there', { 'main.yaml': 'a: { $ref: ./X.yaml }' }, /X\.yaml: ENOENT/],
    ['broken YAML', { 'main.yaml': 'a: [' }, /main\.yaml: .*line 1/s],
    ['a key given twice', { 'main.yaml': 'a: 1\na: 2' }, /main\.yaml: Map keys must be unique/],
    ['a list', { 'main.yaml': '- a' }, /main\.yaml: not an object/],
  ])('%s', (_what, files, message) => {
    expect(() => read(files)).toThrow(ContractError);
    expect(() => read(files)).toThrow(message);
  });
});

describe('a $ref', () => {
  const document = { file: 'x.yaml', root: { paths: { '/a~b': { get: { summary: 'Here' } } } } };

  test('has a name', () => {
    expect(refName('#/components/schemas/Problem')).toBe('Problem');
    expect(() => refName(undefined, 'x.yaml#/here')).toThrow('x.yaml#/here: expected a $ref');
  });

  test('points at something in its document', () => {
    expect(refTarget(document, '#/paths/~1a~0b/get')).toEqual({ summary: 'Here' });
  });

  test.each(['#/paths/~1a~0b/put', '#/components', 'other.yaml#/paths', 'paths'])(
    'is refused when it does not: %s',
    (ref) => {
      expect(() => refTarget(document, ref)).toThrow(`x.yaml: nothing is at ${ref}`);
    },
  );
});
