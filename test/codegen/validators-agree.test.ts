import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { validators } from '../../generated/validators.js';
import { isObject, type Json, type JsonObject, objectAt } from '../../src/codegen/documents.ts';
import { inlined, schemaCompiler } from '../../src/codegen/schemas.ts';
import { contractWith } from './specs.ts';

const { asyncapi, messages } = contractWith();
const compile = schemaCompiler(asyncapi.root);
const client = messages.filter(({ direction }) => direction === 'client');

const anything = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>;

/** Values that keep a schema, for the keywords that our messages use; another keyword makes them break it at times. */
function valid(schema: JsonObject): fc.Arbitrary<Json> {
  const {
    type,
    minimum = -1e6,
    maximum = 1e6,
    minLength = 0,
    maxLength = 300,
    minItems = 0,
    maxItems = 5,
  } = schema;
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  if (Array.isArray(schema.oneOf)) return fc.oneof(...schema.oneOf.map((one) => valid(objectAt(one))));
  if (typeof schema.pattern === 'string') return fc.stringMatching(new RegExp(schema.pattern, 'u'));
  if (Array.isArray(type)) return fc.oneof(...type.map((one) => valid({ ...schema, type: one })));
  if (type === 'null') return fc.constant(null);
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer') return fc.integer({ min: Number(minimum), max: Number(maximum) });
  if (type === 'number') return fc.double({ noNaN: true, noDefaultInfinity: true });
  if (type === 'string') {
    const [least, most] = [Number(minLength), Math.min(Number(maxLength), 300)];
    // Right at the limits, in characters of one and of two units of UTF-16.
    const edge = fc.constantFrom('a', '😀').map((character) => character.repeat(Number(maxLength)));
    return fc.oneof(fc.string({ unit: 'binary', minLength: least, maxLength: most }), edge);
  }
  if (type === 'array')
    return fc.array(valid(objectAt(schema, 'items')), {
      minLength: Number(minItems),
      maxLength: Number(maxItems),
    });
  if (type !== 'object') return anything;
  const properties = Object.entries(objectAt(schema, 'properties'));
  if (properties.length === 0)
    return fc.dictionary(fc.string(), anything, { maxKeys: 4 }) as fc.Arbitrary<Json>;
  return fc.record(
    Object.fromEntries(properties.map(([name, property]) => [name, valid(objectAt(property))])),
    { requiredKeys: Array.isArray(schema.required) ? schema.required.map(String) : [] },
  ) as fc.Arbitrary<Json>;
}

/** One fault put into a value, somewhere: a part taken out, replaced, added to, or made longer. */
function faulty(value: Json, path: number, fault: Json | undefined): Json {
  const into = isObject(value) || Array.isArray(value);
  const keys = into ? Object.keys(value) : [];
  const key = keys[path % (keys.length + 1)];
  if (!into || (key === undefined && path % 3 === 0)) {
    if (typeof value === 'string' && path % 2 === 0) return value + '😀'.repeat(path % 5000);
    return fault ?? null;
  }
  const copy: JsonObject = { ...(value as JsonObject) };
  if (key === undefined) copy[typeof fault === 'string' ? fault : 'extra'] = fault ?? null;
  else if (fault === undefined) delete copy[key];
  else copy[key] = faulty(copy[key] ?? null, Math.floor(path / (keys.length + 1)), fault);
  return Array.isArray(value) ? Object.values(copy) : copy;
}

describe.each(client)('$type', ({ type, frame }) => {
  const reference = compile(frame);
  const frames = valid(inlined(frame, asyncapi));
  const generated = (value: Json) => validators[type]?.(value);

  test('valid frames pass', () => {
    fc.assert(
      fc.property(frames, (value) => {
        fc.pre(reference(value));
        expect(generated(value)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('frames with a fault are judged as Ajv judges them by the document', () => {
    let refused = 0;
    fc.assert(
      fc.property(frames, fc.nat(), fc.oneof(anything, fc.constant(undefined)), (value, path, fault) => {
        const mutant = faulty(value, path, fault);
        const verdict = reference(mutant);
        if (!verdict) refused += 1;
        expect([mutant, generated(mutant)]).toEqual([mutant, verdict]);
      }),
      { numRuns: 200 },
    );
    expect(refused).toBeGreaterThan(50); // else the faults were none, and the test showed nothing
  });
});

test('what is no frame at all is refused', () => {
  fc.assert(
    fc.property(anything, (value) => {
      for (const { type } of client) expect(validators[type]?.(value)).toBe(false);
    }),
  );
});
