import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/codegen/documents.ts';
import { judgeResponse } from './responses.ts';
import { faultsOf, rest, sample, saying } from './samples.ts';

describe('a problem', () => {
  const refused = sample('GET /api/connections/active', '401');
  const blocked = sample('GET /api/connections/active', '429');
  const cases: [string, typeof refused, (body: JsonObject) => unknown, RegExp][] = [
    [
      'another title',
      refused,
      (body) => ({ ...body, title: 'Go away' }),
      /^problem: title is "Go away", should be/,
    ],
    ['another type', refused, (body) => ({ ...body, type: 'urn:signalbox:problem:x' }), /^problem: type is/],
    [
      'another status',
      refused,
      (body) => ({ ...body, status: 400 }),
      /^problem: status is 400, should be 401$/,
    ],
    ['another request id', refused, (body) => ({ ...body, requestId: 'x' }), /^problem: requestId is "x"/],
    ['an extra field', refused, (body) => ({ ...body, stack: '' }), /^body: \/ .*: stack$/],
    ['no retryAfter', blocked, ({ retryAfter: _, ...body }) => body, /^problem: retryAfter is absent/],
    [
      'another retryAfter',
      blocked,
      (body) => ({ ...body, retryAfter: 1 }),
      /^problem: retryAfter is 1, should be/,
    ],
    [
      'retryAfter without a header',
      refused,
      (body) => ({ ...body, retryAfter: 1 }),
      /^problem: retryAfter is 1, should be absent/,
    ],
    [
      'a pointer to nowhere',
      refused,
      (body) => ({ ...body, errors: [{ pointer: '/params/id', message: 'x' }] }),
      /^problem: the pointer/,
    ],
  ];

  test.each(cases)('finds %s', (_what, { request, response }, change, fault) => {
    expect(faultsOf(request, saying(response, change))).toEqual([expect.stringMatching(fault)]);
  });

  test('counts by its code', () => {
    const { facts } = judgeResponse(rest, refused.request, refused.response);
    const { code } = JSON.parse(refused.response.body.toString());
    expect(facts).toContainEqual(['codes on HTTP', code]);
  });

  test('that is null is no problem', () => {
    const faults = faultsOf(
      refused.request,
      saying(refused.response, () => null),
    );
    expect(faults).toEqual(['body: / must be object', 'the problem is not an object']);
  });

  test('of another status, or of none, is found by its code', () => {
    const coded = (code: string): readonly string[] =>
      faultsOf(
        refused.request,
        saying(refused.response, (body) => ({ ...body, code })),
      );
    expect(coded('not_found')).toContain('problem: status of the code not_found is 401, should be 404');
    expect(coded('invalid_message')).toContain(
      'problem: status of the code invalid_message is 401, should be absent',
    );
    expect(coded('oops')).toContain('unknown code oops');
  });
});
