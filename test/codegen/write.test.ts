import { describe, expect, test } from 'vitest';
import { ContractError } from '../../src/codegen/documents.ts';
import { comment, durations, literal, milliseconds, propertyName, quote } from '../../src/codegen/write.ts';

describe('durations', () => {
  test.each([
    ['PT0S', 0],
    ['PT5S', 5_000],
    ['PT1M', 60_000],
    ['PT1M30S', 90_000],
    ['PT60M', 3_600_000],
  ])('%s is %i ms', (text, expected) => {
    expect(milliseconds(text)).toBe(expected);
  });

  test.each([
    '',
    'PT',
    'PT1',
    '60S',
    'PT1.5S',
    'PT1H',
    'P1D',
    'PT30S1M',
    '-PT1S',
    'pt1s',
    60,
    undefined,
    null,
  ])('%j is none', (value) => {
    expect(() => milliseconds(value, 'x.yaml#/window')).toThrow(ContractError);
    expect(() => milliseconds(value, 'x.yaml#/window')).toThrow(
      `x.yaml#/window: not in minutes and seconds: ${value}`,
    );
  });

  test('carry their unit in their name', () => {
    expect(durations({ skew: 'PT30S', maxHeaders: 64 }, 'x.yaml')).toEqual({
      skewMs: 30_000,
      maxHeaders: 64,
    });
    expect(() => durations({ skew: 'soon' }, 'x.yaml#/life')).toThrow('x.yaml#/life/skew: not in minutes');
  });
});

describe('TypeScript', () => {
  test('strings and names', () => {
    expect(quote("it's a \\ b")).toBe("'it\\'s a \\\\ b'");
    expect(['ack', '$x_1', 'signal.offer', '1st', 'a-b', ''].map(propertyName)).toEqual([
      'ack',
      '$x_1',
      "'signal.offer'",
      "'1st'",
      "'a-b'",
      "''",
    ]);
  });

  test('values, on one line', () => {
    const value = { a: [1, 'b', true, null], 'c-d': { e: undefined, f: {} } };
    expect(literal(value)).toBe("{ a: [1, 'b', true, null], 'c-d': { f: {  } } }");
  });

  test('comments, which nothing in them can end', () => {
    expect(comment('One line.')).toBe('/** One line. */');
    expect(comment('Two\n\nlines. */ evil()\n', '  ')).toBe(
      '  /**\n   * Two\n   *\n   * lines. *∕ evil()\n   */',
    );
  });
});
