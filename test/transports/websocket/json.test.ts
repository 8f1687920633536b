import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findJsonFault } from '../../../src/transports/websocket/json.ts';

const limits = { maxDepth: 16, maxKeys: 256 };
const wide = { maxDepth: 1000, maxKeys: 100_000 };

/** Any name but the two that are refused. */
const name = fc.string({ unit: 'binary' }).filter((text) => !['__proto__', 'constructor'].includes(text));
const { value: json } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom(null, true, false, 0, -1.5e-7, 1e21),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(name, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

/** How deep, and how many names, by recursion: what the scan finds out without any. */
function measure(value: unknown): { depth: number; keys: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, keys: 0 };
  const inner = Object.values(value).map(measure);
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    keys: own + inner.reduce((sum, { keys }) => sum + keys, 0),
  };
}

/** The value that a JSON Pointer names (RFC 6901). */
function at(value: unknown, pointer: string): unknown {
  const names = pointer.split('/').slice(1);
  return names.reduce<unknown>((found, part) => {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    expect(found).toBeTypeOf('object');
    expect(Object.keys(found as object)).toContain(key);
    return (found as Record<string, unknown>)[key];
  }, value);
}

/** Every object inside, at whatever depth. */
function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(objectsIn);
  return Array.isArray(value) ? inner : [value as Record<string, unknown>, ...inner];
}

describe('findJsonFault', () => {
  test('finds nothing in what JSON.stringify makes of well-formed values, with any blanks', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, '\t', '\n \r'), (value, blanks) => {
        expect(findJsonFault(JSON.stringify(value, undefined, blanks), wide)).toBeUndefined();
      }),
    );
  });

  test('allows exactly as much depth as it is told', () => {
    fc.assert(
      fc.property(json, fc.integer({ min: 0, max: 8 }), (value, maxDepth) => {
        const fault = findJsonFault(JSON.stringify(value), { ...wide, maxDepth });
        expect(fault !== undefined).toBe(measure(value).depth > maxDepth);
        if (fault) expect(at(value, fault.pointer)).toBeTypeOf('object');
      }),
    );
  });

  test('allows exactly as many names as it is told', () => {
    fc.assert(
      fc.property(json, fc.integer({ min: 0, max: 30 }), (value, maxKeys) => {
        const fault = findJsonFault(JSON.stringify(value), { ...wide, maxKeys });
        expect(fault !== undefined).toBe(measure(value).keys > maxKeys);
        if (fault) at(value, fault.pointer);
      }),
    );
  });

  test.each(['__proto__', 'constructor'])(
    'finds %s wherever it is, however it is spelt, and points at it',
    (odd) => {
      const escaped = odd.replace(
        /./,
        (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
      fc.assert(
        fc.property(json, fc.nat(), fc.boolean(), (value, pick, isEscaped) => {
          const root: Record<string, unknown> = { root: JSON.parse(JSON.stringify(value)) };
          const objects = objectsIn(root);
          const target = objects[pick % objects.length] ?? root;
          Object.defineProperty(target, odd, { value: 1, enumerable: true });
          const text = JSON.stringify(root);
          const fault = findJsonFault(isEscaped ? text.replaceAll(`"${odd}"`, `"${escaped}"`) : text, wide);
          expect(fault?.message).toBe(`must NOT be called ${odd}`);
          expect(fault?.pointer.endsWith(`/${odd}`)).toBe(true);
          expect(at(JSON.parse(text), fault?.pointer ?? '')).toBe(1);
        }),
      );
    },
  );

  test('finds a name that is there twice, and points at it', () => {
    fc.assert(
      fc.property(json, name, json, json, (outer, twice, first, second) => {
        const key = JSON.stringify(twice);
        const text = `[${JSON.stringify(outer)},{${key}:${JSON.stringify(first)},${key}:${JSON.stringify(second)}}]`;
        const pointer = `/1/${twice.replaceAll('~', '~0').replaceAll('/', '~1')}`;
        expect(findJsonFault(text, wide)).toEqual({ pointer, message: 'must NOT be there twice' });
      }),
    );
  });

  test('finds a lone surrogate in any string or name', () => {
    const lone = fc.constantFrom('\ud800', '\udbff', '\udc00', '\udfff');
    fc.assert(
      fc.property(
        json,
        fc.string(),
        lone,
        fc.string(),
        fc.boolean(),
        (outer, before, unit, after, inName) => {
          const odd = JSON.stringify(before + unit + after);
          const text = `[${JSON.stringify(outer)},${inName ? `{${odd}:1}` : odd}]`;
          const fault = findJsonFault(text, wide);
          expect(fault?.message).toBe('must NOT have a lone surrogate');
          expect(fault?.pointer).toMatch(/^\/1/);
          expect(fault?.pointer.isWellFormed()).toBe(true);
        },
      ),
    );
  });

  test.each([
    ['""', undefined],
    ['1', undefined],
    [' {} ', undefined],
    ['"__proto__"', undefined],
    ['["__proto__","constructor"]', undefined],
    ['{"a":"__proto__","b":"a"}', undefined],
    ['{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}', undefined],
    [String.raw`{"\"":1,"\\":2,"\\\"":3}`, undefined],
    [String.raw`{"a":"\\","b":"\\\\\"","a":1}`, '/a'],
    ['{"a":"}]{[:,","a":1}', '/a'],
    ['{"a":[[],{},""],"a":1}', '/a'],
    [String.raw`{"a":1,"\u0061":1}`, '/a'],
    ['{"":1,"":2}', '/'],
    ['{"~/":1,"~/":2}', '/~0~1'],
    ['[[1,[2,{"x":[0,{"__proto__":1}]}]]]', '/0/1/1/x/1/__proto__'],
    [String.raw`"\ud800"`, ''],
    [String.raw`["\ud83d\ude00","\\ud800"]`, undefined],
    ['['.repeat(16) + ']'.repeat(16), undefined],
    ['['.repeat(17) + ']'.repeat(17), '/0'.repeat(16)],
  ])('%s', (text, pointer) => {
    JSON.parse(text);
    expect(findJsonFault(text, limits)?.pointer).toBe(pointer);
  });

  test('takes time in proportion to the length, for any of the lengths that are let in', () => {
    const texts = [
      `"${'\\\\'.repeat(32_000)}"`,
      `"${'\\"'.repeat(32_000)}"`,
      `[${'"",'.repeat(21_000)}""]`,
      `"${'x'.repeat(65_000)}"`,
      `"${'\\u0061'.repeat(10_000)}"`,
      ' '.repeat(65_000).concat('1'),
    ];
    const startedAt = performance.now();
    for (const text of texts) expect(findJsonFault(text, wide)).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});
