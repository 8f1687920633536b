import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/codegen/documents.ts';
import { ClosedSchemas } from './schemas.ts';

const schemas = new ClosedSchemas({
  components: {
    schemas: {
      Point: { type: 'object', required: ['x'], properties: { x: { type: 'integer' } } },
      Bag: {
        type: 'object',
        additionalProperties: true,
        properties: { point: { $ref: '#/components/schemas/Point' } },
      },
      When: { type: 'string', format: 'date-time' },
    },
  },
});

describe('closed schemas', () => {
  const inline: JsonObject = { type: 'object', properties: { x: { type: 'integer' } } };
  const point = { $ref: '#/components/schemas/Point' };

  test.each<[string, JsonObject, unknown, string[]]>([
    ['take what is declared', point, { x: 1 }, []],
    ['refuse what is not', point, { x: 1, y: 2 }, ['/ must NOT have unevaluated properties: y']],
    [
      'refuse it in items',
      { type: 'array', items: point },
      [{ x: 1, y: 2 }],
      ['/0 must NOT have unevaluated properties: y'],
    ],
    [
      'refuse it in branches',
      { oneOf: [point, { type: 'null' }] },
      { x: 1, y: 2 },
      expect.arrayContaining(['/ must match exactly one schema in oneOf']),
    ],
    [
      'refuse it in named properties',
      { type: 'object', properties: { at: point } },
      { at: { x: 1, y: 2 } },
      ['/at must NOT have unevaluated properties: y'],
    ],
    [
      'refuse any field of an object without any',
      { type: 'object' },
      { x: 1 },
      ['/ must NOT have unevaluated properties: x'],
    ],
    ['leave open what says so', { $ref: '#/components/schemas/Bag' }, { any: { thing: 1 } }, []],
    [
      'close what an open one refers to',
      { $ref: '#/components/schemas/Bag' },
      { point: { x: 1, y: 2 } },
      ['/point must NOT have unevaluated properties: y'],
    ],
    [
      'leave alone a field that is called properties',
      { type: 'object', properties: { properties: point, enum: point } },
      { properties: { x: 1 } },
      [],
    ],
    [
      'refuse it below, without a name',
      { type: 'object', properties: { at: inline } },
      { at: { y: 2 } },
      ['/at must NOT have unevaluated properties: y'],
    ],
    [
      'refuse it in a branch, without a name',
      { oneOf: [inline] },
      { y: 2 },
      expect.arrayContaining(['/ must NOT have unevaluated properties: y']),
    ],
    ['leave alone data that looks like a schema', { const: { type: 'object' } }, { type: 'object' }, []],
    ['leave alone what is any JSON', { description: 'Any.' }, { any: 'thing' }, []],
    [
      'look at formats',
      { $ref: '#/components/schemas/When' },
      'yesterday',
      ['/ must match format "date-time"'],
    ],
    [
      'name every fault',
      point,
      { x: 'a', y: 2 },
      ['/x must be integer', '/ must NOT have unevaluated properties: y'],
    ],
  ])('%s', (_what, schema, value, faults) => {
    expect(schemas.faults(schema, value)).toEqual(faults);
  });

  test('refuse to guess at allOf, whose branches see only their own properties', () => {
    expect(() => schemas.faults({ allOf: [point] }, {})).toThrow('teach ClosedSchemas');
  });
});
