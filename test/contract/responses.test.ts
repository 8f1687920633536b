import { describe, expect, test } from 'vitest';
import type { ObservedRequest, ObservedResponse } from '../support/http-stream.ts';
import type { Fact } from './facts.ts';
import { judgeResponse } from './responses.ts';
import {
  faultsOf,
  having,
  rest,
  sample,
  sampleRequest,
  sampleResponses,
  saying,
  without,
} from './samples.ts';

const list = sample('GET /api/connections/active', '200');
const kicked = sample('POST /api/connections/{id}/kick', '200');
const health = sample('GET /healthz', '200');
const root = sample('GET /', '302');
const upgradeRefused = sample('GET /ws/zoom/{roomId}', '400').response;
const get = (target: string): ObservedRequest => ({ method: 'GET', target, headers: [] });

describe('what the document declares', () => {
  const cases = rest.operations.flatMap((one) =>
    [...one.responses.values()].flatMap((declared) =>
      sampleResponses(declared, one).map(
        (response) => [one.name, declared.status, declared.shared, sampleRequest(one), response] as const,
      ),
    ),
  );

  test.each(cases)('%s → %s is clean, and counts', (name, status, shared, request, response) => {
    const { faults, facts } = judgeResponse(rest, request, response);
    expect(faults).toEqual([]);
    expect(facts).toContainEqual(shared ? ['shared responses', shared] : ['operations', `${name} ${status}`]);
  });

  test('can all be reached, and nothing else counts', () => {
    const seen = cases.flatMap(([, , , request, response]) => [
      ...judgeResponse(rest, request, response).facts,
    ]);
    for (const declared of rest.unrouted.values()) {
      const request = { ...get(declared.status === '405' ? '/healthz' : '/nowhere'), method: 'PUT' };
      for (const response of sampleResponses(declared))
        seen.push(...judgeResponse(rest, request, response).facts);
    }
    const keys = (facts: readonly Fact[]): Set<string> => new Set(facts.map((fact) => fact.join(': ')));
    // The examples show one code per response; the others are left to the end-to-end tests.
    const declared = rest.facts().filter(([section]) => section !== 'codes on HTTP');
    expect([...keys(declared).difference(keys(seen))]).toEqual([]);
    expect([...keys(seen).difference(keys(rest.facts()))]).toEqual([]);
  });
});

describe('status', () => {
  test('201 is not declared', () => {
    expect(faultsOf(list.request, { ...list.response, status: 201 })).toEqual(['undeclared status 201']);
  });

  test('404 and 405 deny an operation that there is', () => {
    for (const status of [404, 405]) {
      const response = { ...upgradeRefused, status };
      expect(faultsOf(health.request, response)).toEqual([`undeclared status ${status}`]);
    }
  });

  test('408 and 431 may come before the operation is known', () => {
    for (const status of ['408', '431']) {
      const declared = rest.unrouted.get(status);
      const [response] = declared ? sampleResponses(declared) : [];
      if (!response) throw new Error(`${status} is not declared`);
      expect(judgeResponse(rest, health.request, response).faults).toEqual([]);
      expect(judgeResponse(rest, health.request, response).facts).not.toContainEqual([
        'unrouted responses',
        status,
      ]);
      expect(judgeResponse(rest, undefined, response).facts).toContainEqual(['unrouted responses', status]);
    }
  });

  test('200 answers no request that is none', () => {
    expect(faultsOf(undefined, health.response)).toEqual(['undeclared status 200']);
  });
});

describe('content', () => {
  const cases: [string, ObservedRequest, ObservedResponse, RegExp][] = [
    [
      'another media type',
      list.request,
      having(list.response, 'Content-Type', 'text/html'),
      /^media type text\/html, should be/,
    ],
    ['no media type', list.request, without(list.response, 'Content-Type'), /^media type none, should be/],
    [
      'two media types',
      list.request,
      { ...list.response, headers: [...list.response.headers, ['content-type', 'text/html']] },
      /^media type /,
    ],
    ['no JSON', list.request, { ...list.response, body: Buffer.from('[') }, /^the body is not JSON$/],
    [
      'no UTF-8',
      list.request,
      { ...list.response, body: Buffer.from([0x22, 0xff, 0x22]) },
      /^the body is not UTF-8$/,
    ],
    ['an ill-typed body', list.request, saying(list.response, () => [1]), /^body: \/0 must be object$/],
    [
      'an extra field',
      kicked.request,
      saying(kicked.response, (body) => ({ ...body, extra: 1 })),
      /^body: \/ .*: extra$/,
    ],
    [
      'a missing field',
      kicked.request,
      saying(kicked.response, ({ success }) => ({ success })),
      /^body: .*'message'$/,
    ],
    [
      'a body where none is declared',
      root.request,
      { ...root.response, body: Buffer.from('x') },
      /^a body where none is declared$/,
    ],
    [
      'a media type where none is declared',
      root.request,
      having(root.response, 'Content-Type', 'text/plain'),
      /^Content-Type text\/plain where/,
    ],
  ];

  test.each(cases)('finds %s', (_what, request, response, fault) => {
    expect(faultsOf(request, response)).toEqual([expect.stringMatching(fault)]);
    expect(judgeResponse(rest, request, response).facts).toEqual([]);
  });

  test('of a HEAD is not there, and so does not count', () => {
    const head = { ...health.request, method: 'HEAD' };
    const response = { ...health.response, body: Buffer.alloc(0) };
    expect(judgeResponse(rest, head, response)).toEqual({ faults: [], facts: [] });
    expect(faultsOf(head, without(response, 'Content-Type'))).toEqual([
      'media type none, should be application/json',
    ]);
  });
});

describe('an address', () => {
  const notFound = sample('GET /docs/{asset}', '404').response;

  test('that the document does not know is answered 404, and nothing else', () => {
    const { faults, facts } = judgeResponse(rest, get('/nowhere'), notFound);
    expect(faults).toEqual([]);
    expect(facts).toContainEqual(['unrouted responses', '404']);
    for (const target of ['/nowhere', '/healthz/', '/HEALTHZ', '//healthz']) {
      expect(faultsOf(get(target), health.response)).toEqual(['undeclared status 200']);
    }
  });

  test('with an odd parameter is the operation or nothing', () => {
    for (const target of ['/ws/zoom/a%2Fb', '/ws/zoom/a.b', `/ws/zoom/${'x'.repeat(65)}`]) {
      expect(faultsOf(get(target), upgradeRefused)).toEqual([]);
      expect(faultsOf(get(target), notFound)).toEqual([]);
    }
    expect(faultsOf(get('/ws/zoom/ABC123'), notFound)).toEqual(['undeclared status 404']);
  });

  test('with an invalid parameter does not succeed', () => {
    const target = '/api/connections/a%20b/kick';
    expect(faultsOf({ ...kicked.request, target }, kicked.response)).toEqual([
      expect.stringMatching('invalid path'),
    ]);
  });

  test('may be written in full', () => {
    expect(faultsOf(get('http://host:80/healthz?x=1'), health.response)).toEqual([]);
  });
});
