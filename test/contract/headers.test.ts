import { describe, expect, test } from 'vitest';
import type { ObservedRequest, ObservedResponse } from '../support/http-stream.ts';
import { headerFaults } from './headers.ts';
import { judgeResponse } from './responses.ts';
import { faultsOf, having, operation, rest, sample, sampleResponses, without } from './samples.ts';

const list = sample('GET /api/connections/active', '200');
const blocked = sample('GET /api/connections/active', '429');
const health = sample('GET /healthz', '200');
const opened = sample('GET /ws/zoom/{roomId}', '101');

/** A test that the checker finds one thing wrong with the headers of a response. */
function finds(what: string, fault: RegExp, request: ObservedRequest, response: ObservedResponse): void {
  test(`finds ${what}`, () => {
    const { faults, facts } = judgeResponse(rest, request, response);
    expect(faults.length).toBeGreaterThan(0);
    for (const found of faults) expect(found).toMatch(fault);
    expect(facts).toEqual([]);
  });
}

describe('a declared header', () => {
  const { request, response } = list;
  finds(
    'that is missing',
    /^header RateLimit-Policy is missing|RateLimit-Policy: absent should/,
    request,
    without(response, 'RateLimit-Policy'),
  );
  finds(
    'that is ill-typed',
    /^header RateLimit-Limit: many/,
    request,
    having(response, 'RateLimit-Limit', 'many'),
  );
  finds(
    'beyond its bounds',
    /^header Retry-After: 0: \/ must be >= 1|^problem: retryAfter/,
    blocked.request,
    having(blocked.response, 'Retry-After', '0'),
  );
  finds(
    'against its pattern',
    /^header RateLimit-Policy: none/,
    request,
    having(response, 'RateLimit-Policy', 'none'),
  );
  finds(
    'another constant',
    /^header Cache-Control: private: \/ must be equal to constant/,
    blocked.request,
    having(blocked.response, 'Cache-Control', 'private'),
  );
  finds('that is there twice', /^header RateLimit is there 2 times/, request, {
    ...response,
    headers: [...response.headers, ['ratelimit', 'x']],
  });
});

describe('an undeclared header', () => {
  const { request, response } = health;
  for (const name of [
    'Retry-After',
    'WWW-Authenticate',
    'Allow',
    'RateLimit',
    'ratelimit-reset',
    'Location',
    'Set-Cookie',
    'Signalbox-Partial',
  ]) {
    finds(
      `that means something: ${name}`,
      new RegExp(`^undeclared header ${name}$|^headers of a rate limit where there is none$`),
      request,
      having(response, name, '1'),
    );
  }

  test('that means nothing is nobody’s business', () => {
    expect(faultsOf(request, having(response, 'Vary', 'Origin'))).toEqual([]);
  });
});

describe('X-Request-Id', () => {
  const { request, response } = list;
  finds('that it is missing', /X-Request-Id/, request, without(response, 'X-Request-Id'));
  finds(
    "that it is not the client's",
    /not the client's, mine$/,
    { ...request, headers: [['x-request-id', 'mine']] },
    response,
  );

  test("need not be the client's where that is not well-formed, or there twice", () => {
    expect(faultsOf({ ...request, headers: [['X-Request-Id', 'two words']] }, response)).toEqual([]);
    const twice = { ...request, headers: [['X-Request-Id', 'a'] as const, ['X-Request-Id', 'b'] as const] };
    expect(faultsOf(twice, response)).toEqual([]);
  });
});

test('a response that does not declare X-Request-Id is wrong, whatever it says', () => {
  const declared = { status: '200', shared: undefined, headers: [], content: new Map() };
  expect(headerFaults(rest, declared, [['X-Request-Id', 'a']])).toEqual(['X-Request-Id is not declared']);
});

describe('the limit’s headers', () => {
  const { request, response } = list;
  finds(
    'another quota',
    /^header RateLimit-Limit: 31 should be 30$/,
    request,
    having(response, 'RateLimit-Limit', '31'),
  );
  finds(
    'another policy',
    /^header RateLimit-Policy: .* should be "connections-active"/,
    request,
    having(response, 'RateLimit-Policy', '"x";q=30;w=60'),
  );
  finds(
    'another window',
    /^header RateLimit-Policy: .* should be .*w=60/,
    request,
    having(response, 'RateLimit-Policy', '"connections-active";q=30;w=61'),
  );
  finds(
    'another rest',
    /^header RateLimit: .* should be .*r=8/,
    request,
    having(response, 'RateLimit-Remaining', '8'),
  );
  finds(
    'another reset',
    /^header RateLimit: .* should be .*t=9/,
    request,
    having(response, 'RateLimit-Reset', '9'),
  );
});

describe('headers of a limit that may be left out', () => {
  const { request, response } = sample('GET /api/connections/active', '400');
  const all = ['RateLimit-Policy', 'RateLimit', 'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'];

  test('are all there, or none', () => {
    expect(faultsOf(request, response)).toEqual([]);
    expect(faultsOf(request, without(response, ...all))).toEqual([]);
  });
  test('count only where they are', () => {
    const fact = ['shared responses', 'BadRequest RateLimit'];
    expect(judgeResponse(rest, request, response).facts).toContainEqual(fact);
    expect(judgeResponse(rest, request, without(response, ...all)).facts).not.toContainEqual(fact);
  });
  for (const name of all) {
    finds(`${name} left out alone`, /should be/, request, without(response, name));
  }
  finds(
    'them on an operation without a limit',
    /where there is none$/,
    sample('GET /ws/zoom/{roomId}', '400').request,
    response,
  );
});

describe('the limit on bad credentials', () => {
  const { request, response } = blocked;
  const ofAddress = (answer: ObservedResponse): ObservedResponse =>
    [
      ['RateLimit-Policy', '"address-failures";q=300;w=60'],
      ['RateLimit-Limit', '300'],
      ['RateLimit', '"address-failures";r=7;t=41'],
    ].reduce((changed, [name = '', value = '']) => having(changed, name, value), answer);

  test('may refuse any request that has a limit or none', () => {
    expect(faultsOf(request, ofAddress(response))).toEqual([]);
    const upgrade = sample('GET /ws/zoom/{roomId}', '429');
    expect(faultsOf(upgrade.request, upgrade.response)).toEqual([]);
  });
  finds('that it counts what it let through', /should be/, list.request, ofAddress(list.response));
  finds(
    'another quota than its own',
    /should be 300/,
    request,
    having(ofAddress(response), 'RateLimit-Limit', '299'),
  );
});

describe('Allow', () => {
  const declared = rest.unrouted.get('405');
  const kick = operation('POST /api/connections/{id}/kick');
  const [response] = declared ? sampleResponses(declared, kick) : [];
  if (!response) throw new Error('405 is not declared');
  const request = { method: 'DELETE', target: '/api/connections/x/kick', headers: [] };

  test('names the methods of the path; HEAD and OPTIONS are as may be', () => {
    expect(faultsOf(request, response)).toEqual([]);
    expect(faultsOf(request, having(response, 'Allow', 'POST, OPTIONS'))).toEqual([]);
  });
  finds(
    'a method too many',
    /^header Allow: GET, POST should name POST$/,
    request,
    having(response, 'Allow', 'GET, POST'),
  );
  finds(
    'a method too few',
    /^header Allow: HEAD should name POST$/,
    request,
    having(response, 'Allow', 'HEAD'),
  );
});

describe('an upgrade', () => {
  const { request, response } = opened;
  finds(
    'a subprotocol that was not offered',
    /^Sec-WebSocket-Protocol: signal.v1/,
    { ...request, headers: [] },
    response,
  );
  finds(
    'no subprotocol where it was offered',
    /^Sec-WebSocket-Protocol: none/,
    request,
    without(response, 'Sec-WebSocket-Protocol'),
  );
  finds(
    'compression',
    /^an extension/,
    request,
    having(response, 'Sec-WebSocket-Extensions', 'permessage-deflate'),
  );
});
