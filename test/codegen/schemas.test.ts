import { describe, expect, test } from 'vitest';
import { inlined, schemaCompiler, withSubschemas } from '../../src/codegen/schemas.ts';

const schemas = {
  Name: { title: 'Name', description: 'What it is called.', type: 'string', maxLength: 5, examples: ['Ada'] },
  Alias: { $ref: '#/components/schemas/Name', description: 'Another name.' },
  Twice: { type: 'array', items: { $ref: '#/components/schemas/Twice' } },
};
const document = { file: 'x.yaml', root: { components: { schemas } } };

describe('an inlined schema', () => {
  const ref = { $ref: '#/components/schemas/Alias', description: 'Yet another.', 'x-errors': {} };

  test('holds what it refers to, and nothing that only people read', () => {
    const schema = { type: 'array', prefixItems: [ref], items: ref, description: 'Names.' };
    const name = { type: 'string', maxLength: 5 };
    expect(inlined(schema, document)).toEqual({ type: 'array', prefixItems: [name], items: name });
  });

  test('keeps properties that are called like an annotation or an extension', () => {
    const schema = { type: 'object', properties: { title: ref, examples: { type: 'null' }, 'x-y': ref } };
    expect(Object.keys(Object(inlined(schema, document).properties))).toEqual(['title', 'examples', 'x-y']);
  });

  test('keeps data as it is', () => {
    const schema = { enum: [{ title: 'a' }], const: { description: 'b' }, required: ['title'] };
    expect(inlined(schema, document)).toEqual(schema);
  });

  test('cannot hold itself, nor merge a keyword into what it refers to', () => {
    expect(() => inlined({ $ref: '#/components/schemas/Twice' }, document)).toThrow('Twice: holds itself');
    expect(() => inlined({ ...ref, maxLength: 9 }, document)).toThrow(
      'Alias: the $ref to it has a keyword beside it',
    );
  });
});

test('a schema is listed with all in it, by their places', () => {
  const leaf = { type: 'string' };
  const schema = {
    properties: { a: leaf, b: { items: { oneOf: [leaf, { not: leaf }] } } },
    additionalProperties: false,
    const: { items: leaf },
  };
  expect(withSubschemas(schema, '#').map(([place]) => place)).toEqual([
    '#',
    '#/properties/a',
    '#/properties/b',
    '#/properties/b/items',
    '#/properties/b/items/oneOf/0',
    '#/properties/b/items/oneOf/1',
    '#/properties/b/items/oneOf/1/not',
  ]);
});

test('a compiler knows the schemas of its document, and no keyword but those of JSON Schema', () => {
  const compile = schemaCompiler(document.root);
  const validate = compile({ type: 'array', items: { $ref: '#/components/schemas/Alias' } });
  expect([validate(['Ada']), validate(['Augusta'])]).toEqual([true, false]);
  expect(() => compile({ type: 'string', maxLenght: 5 })).toThrow('unknown keyword: "maxLenght"');
});
