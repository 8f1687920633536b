import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { Validator } from '../../generated/validators.js';
import { validators as generated } from '../../generated/validators.js';
import type { JsonObject } from '../../src/codegen/documents.ts';
import { writeValidators } from '../../src/codegen/validators.ts';
import { contractOf, load } from './specs.ts';

/** What the validator of a message with this payload says to a payload: nothing, or its first fault. */
async function checker(payload: JsonObject, schemas?: JsonObject) {
  const text = writeValidators(contractOf(payload, schemas));
  const { validators } = await load<{ validators: Record<string, Validator> }>(text);
  return (value: unknown): string => {
    const validate = validators['test.message'];
    if (validate === undefined || validate({ type: 'test.message', payload: value })) return '';
    return (
      validate.errors?.map(({ instancePath, keyword }) => `${instancePath} ${keyword}`).join() ?? 'refused'
    );
  };
}

const name = { type: 'string' };

describe('each keyword accepts and refuses:', () => {
  test.each<[keyword: string, schema: JsonObject, accepted: unknown[], refused: unknown[]]>([
    ['type', { type: 'string' }, ['', 'a'], [1, null, true, [], {}]],
    ['type', { type: 'integer' }, [0, -1, 1e9], [0.5, '1', null, Number.POSITIVE_INFINITY]],
    ['type', { type: 'number' }, [0, 0.5], ['1', null]],
    ['type', { type: 'boolean' }, [true, false], [0, 'true', null]],
    ['type', { type: ['string', 'null'] }, ['a', null], [0, undefined]],
    ['type', { type: 'object', additionalProperties: true }, [{}, { a: 1 }], [[], null, 'a']],
    ['type', { type: 'array' }, [[], [1]], [{}, null, 'a']],
    ['const', { const: 'a' }, ['a'], ['b', null]],
    ['enum', { type: 'string', enum: ['off', 'live'] }, ['off', 'live'], ['', 'on']],
    ['pattern', { type: 'string', pattern: '^[a-z]{1,3}$' }, ['a', 'abc'], ['', 'abcd', 'A', 'a\n']],
    ['minimum', { type: 'integer', minimum: 0 }, [0, 1], [-1]],
    ['maximum', { type: 'integer', maximum: 65535 }, [65535], [65536]],
    ['exclusiveMinimum', { type: 'number', exclusiveMinimum: 0 }, [0.1], [0]],
    ['minItems', { type: 'array', minItems: 1 }, [[1]], [[]]],
    ['maxItems', { type: 'array', maxItems: 1 }, [[], [1]], [[1, 2]]],
    ['items/type', { type: 'array', items: name }, [[], ['a']], [['a', 1]]],
    ['minProperties', { type: 'object', minProperties: 1 }, [{ a: 1 }], [{}]],
    ['maxProperties', { type: 'object', maxProperties: 1 }, [{}, { a: 1 }], [{ a: 1, b: 2 }]],
    [
      'required',
      { type: 'object', required: ['a'], properties: { a: name } },
      [{ a: '' }, { a: '', b: 1 }],
      [{}],
    ],
    [
      'additionalProperties',
      { type: 'object', properties: { a: name }, additionalProperties: false },
      [{}, { a: '' }],
      [{ b: 1 }, JSON.parse('{"__proto__": 1}')],
    ],
    [
      'oneOf',
      { oneOf: [{ type: 'string' }, { type: 'string', maxLength: 1 }, { type: 'null' }] },
      ['ab', null],
      ['a', 1],
    ],
    ['not', { not: { type: 'string' } }, [1], ['a']],
  ])('%s of %j', async (keyword, schema, accepted, refused) => {
    const check = await checker(schema);
    for (const value of accepted) expect([value, check(value)]).toEqual([value, '']);
    for (const value of refused) {
      const fault = keyword === 'items/type' ? '/payload/1 type' : `/payload ${keyword}`;
      // `undefined` is what JSON cannot say: a payload that is left out.
      expect([value, check(value)]).toEqual([
        value,
        value === undefined ? ' required' : expect.stringContaining(fault),
      ]);
    }
  });

  test('a $ref, also to a $ref', async () => {
    const check = await checker(
      { $ref: '#/components/schemas/A' },
      { A: { $ref: '#/components/schemas/B' }, B: name },
    );
    expect(check('a')).toBe('');
    expect(check(1)).toBe('/payload type');
  });
});

describe('lengths are counted in code points, as JSON Schema says:', () => {
  const face = '😀'; // two units of UTF-16

  test.each([
    [
      'maxLength 4000',
      { maxLength: 4000 },
      [face.repeat(4000), 'a'.repeat(4000), face.repeat(2000) + 'a'.repeat(2000)],
      [face.repeat(4001), 'a'.repeat(4001), `${face.repeat(4000)}a`],
    ],
    ['maxLength 0', { maxLength: 0 }, [''], ['a', face]],
    ['minLength 1', { minLength: 1 }, ['a', face], ['']],
    ['minLength 2', { minLength: 2 }, ['ab', face + face, `${face}a`], ['', 'a', face]],
    [
      'a lone surrogate',
      { minLength: 1, maxLength: 1 },
      ['\ud83d', '\ude00', face],
      ['\ud83da', '\ude00\ud83d'],
    ],
  ])('%s', async (_what, limits, accepted, refused) => {
    const check = await checker({ type: 'string', ...limits });
    for (const value of accepted) expect(check(value)).toBe('');
    for (const value of refused) expect(check(value)).toMatch(/^\/payload m(ax|in)Length$/);
  });

  test('chat.send takes 4000 of them', () => {
    const send = (text: string) => generated['chat.send']?.({ type: 'chat.send', payload: { text } });
    expect(send(face.repeat(4000))).toBe(true);
    expect(send(face.repeat(4001))).toBe(false);
    expect(generated['chat.send']?.errors).toMatchObject([
      {
        instancePath: '/payload/text',
        keyword: 'maxLength',
        params: { limit: 4000 },
        message: 'must NOT have more than 4000 characters',
      },
    ]);
  });
});

describe('the table', () => {
  const text = readFileSync('generated/validators.js', 'utf8');

  test('holds what the contract names, and nothing that objects are born with', () => {
    expect(generated['session.ping']?.({ type: 'session.ping', payload: { t: 1 } })).toBe(true);
    expect(Object.getPrototypeOf(generated)).toBe(null);
    for (const type of ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'ping', ''])
      expect(generated[type]).toBeUndefined();
  });

  test('takes no message for another', () => {
    expect(generated['session.ping']?.({ type: 'session.leave', payload: { t: 1 } })).toBe(false);
    expect(generated['session.ping']?.errors).toMatchObject([{ instancePath: '/type', keyword: 'const' }]);
  });

  test('needs nothing: it runs in a bare Node, in a folder without packages', () => {
    expect(text).not.toMatch(/\brequire\b\s*\(|^import\b|\bimport\s*\(/m);
    const program = `${text}
      const ping = validators['session.ping'];
      console.log(Object.keys(validators).length, ping({ type: 'session.ping', payload: { t: 1 } }), ping({}));`;
    const output = execFileSync(process.execPath, ['--input-type=module'], {
      input: program,
      cwd: tmpdir(),
      encoding: 'utf8',
      env: {},
    });
    expect(output).toBe(`${Object.keys(generated).length} true false\n`);
  });

  test('has a line per message, so that a changed message changes a line', () => {
    const lines = text.split('\n').filter((line) => /^"[\w.]+": /.test(line));
    expect(lines).toHaveLength(Object.keys(generated).length);
  });
});

describe('refused, since the validator could not keep it:', () => {
  const at = 'asyncapi.yaml#/components/messages/client.test.message';
  test.each<[what: string, schema: JsonObject, message: string]>([
    [
      'a format, which is code of another package',
      { type: 'string', format: 'date-time' },
      `${at}: unknown format "date-time"`,
    ],
    [
      'uniqueItems, which compares by code of Ajv',
      { type: 'array', uniqueItems: true },
      `${at}: its validator needs something at run time`,
    ],
    ['an object that is a constant', { const: { a: 1 } }, `${at}: its validator needs something at run time`],
    [
      'what draft 7 does not know',
      { type: 'array', prefixItems: [name] },
      `${at}: strict mode: unknown keyword: "prefixItems"`,
    ],
    [
      'a schema that holds itself',
      { type: 'array', items: { $ref: '#/components/schemas/Payload' } },
      'asyncapi.yaml#/components/schemas/Payload: holds itself',
    ],
    [
      'a keyword beside a $ref',
      { $ref: '#/components/schemas/Name', maxLength: 5 },
      'asyncapi.yaml#/components/schemas/Name: the $ref to it has a keyword beside it',
    ],
    [
      'a $ref to nothing',
      { $ref: '#/components/schemas/Gone' },
      'asyncapi.yaml: nothing is at #/components/schemas/Gone',
    ],
  ])('%s', (_what, schema, message) => {
    expect(() => writeValidators(contractOf(schema, { Name: name }))).toThrow(message);
  });

  test('but not a constant that only reads like code', async () => {
    const check = await checker({ enum: ['import', 'file.import', 'require'] });
    expect([check('import'), check('require'), check('export')]).toEqual(['', '', '/payload enum']);
  });
});
