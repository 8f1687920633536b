import { expect, test } from 'vitest';
import { schemaCompiler } from '../../src/codegen/schemas.ts';
import { writeValidators } from '../../src/codegen/validators.ts';
import { contractOf, load } from './specs.ts';

// `{"a":""}` is 8 bytes, so 8 are left.
const schema = { type: 'object', additionalProperties: true, 'x-max-bytes': 16 };
const cases: [value: unknown, accepted: boolean][] = [
  [{}, true],
  [{ a: 'x'.repeat(8) }, true],
  [{ a: 'x'.repeat(9) }, false],
  [{ a: 'é'.repeat(4) }, true],
  [{ a: 'é'.repeat(5) }, false],
  [{ a: '😀😀' }, true],
  [{ a: '😀😀x' }, false],
  [{ a: '\n\n\n\n' }, true], // two bytes each, as JSON writes them
  [{ a: '\n\n\n\n\n' }, false],
  [{ a: { b: [1, 2] } }, false],
];

test.each(cases)('%j as the document is checked', (value, accepted) => {
  expect(schemaCompiler({})(schema)(value)).toBe(accepted);
});

test.each(cases)('%j as the generated validator says', async (payload, accepted) => {
  const text = writeValidators(contractOf(schema));
  const { validators } = await load<{ validators: Record<string, (frame: unknown) => boolean> }>(text);
  expect(validators['test.message']?.({ type: 'test.message', payload })).toBe(accepted);
});
