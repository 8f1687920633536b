import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CredentialPlace,
  readToken,
  subprotocolsOf,
} from '../../../src/transports/guards/credentials.ts';

function requestOf(url: string, ...rawHeaders: string[]): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.url = url;
  request.rawHeaders = rawHeaders;
  return request;
}

const everywhere: readonly CredentialPlace[] = ['authorization', 'query', 'subprotocol'];

/** The token, or the code of the refusal. */
function outcome(request: IncomingMessage, places = everywhere): string {
  try {
    return readToken(request, places);
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

const token = fc.stringMatching(/^[\w-]{1,20}\.[\w-]{1,20}\.[\w-]{1,20}$/);

describe('readToken', () => {
  test('any one place gives the token; any two of them, however alike, are ambiguous', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...everywhere), token), { maxLength: 4 }), (given) => {
        const of = (place: CredentialPlace) =>
          given.flatMap(([where, one]) => (where === place ? [one] : []));
        const query = of('query').map((one) => `token=${one}`);
        const headers = [
          ...of('authorization').flatMap((one) => ['Authorization', `Bearer ${one}`]),
          ...of('subprotocol').flatMap((one) => ['Sec-WebSocket-Protocol', `signal.v1, bearer.${one}`]),
        ];
        const request = requestOf(`/ws/zoom/A?${query.join('&')}`, ...headers);
        const [[, first] = [undefined, 'unauthenticated']] = given;
        expect(outcome(request)).toBe(given.length > 1 ? 'ambiguous_credentials' : first);
      }),
    );
  });

  test('a place that is not asked is not looked at', () => {
    const request = requestOf(
      '/?token=a.b.c',
      'Authorization',
      'Bearer d.e.f',
      'Sec-WebSocket-Protocol',
      'bearer.g.h.i',
    );
    expect(outcome(request, ['query'])).toBe('a.b.c');
    expect(outcome(request, ['authorization'])).toBe('d.e.f');
    expect(outcome(request, ['subprotocol'])).toBe('g.h.i');
    expect(outcome(request, [])).toBe('unauthenticated');
  });

  test.each([
    ['Bearer a.b.c', 'a.b.c'],
    ['bearer a.b.c', 'a.b.c'],
    ['Bearer   a.b.c', 'a.b.c'],
    ['Bearer', 'unauthenticated'],
    ['Bearer ', 'unauthenticated'],
    ['Bearer a.b.c d', 'unauthenticated'],
    ['Basic a.b.c', 'unauthenticated'],
    ['a.b.c', 'unauthenticated'],
    ['XBearer a.b.c', 'unauthenticated'],
    ['Token Bearer a.b.c', 'unauthenticated'],
  ])('Authorization: %s', (value, expected) => {
    expect(outcome(requestOf('/', 'AUTHORIZATION', value))).toBe(expected);
  });

  test.each([
    ['?token=a.b.c', 'a.b.c'],
    ['?x=1&token=a.b.c&y', 'a.b.c'],
    ['?%74oken=a%2Eb.c', 'a.b.c'],
    ['?token', 'unauthenticated'],
    ['?token=', 'unauthenticated'],
    ['?TOKEN=a.b.c', 'unauthenticated'],
    ['?xtoken=a.b.c', 'unauthenticated'],
    ['?token=&token=a.b.c', 'ambiguous_credentials'],
    ['?token=a.b.c&%74oken=a.b.c', 'ambiguous_credentials'],
    ['?token=a.b.c?token=d', 'a.b.c?token=d'],
    ['', 'unauthenticated'],
  ])('the query %s', (query, expected) => {
    expect(outcome(requestOf(`/ws/zoom/A${query}`))).toBe(expected);
  });

  test('the errors repeat nothing of the token', () => {
    const request = requestOf('/?token=secret&token=secret');
    expect(() => readToken(request, everywhere)).toThrow(/^((?!secret).)*$/);
  });
});

test('subprotocols are read from every line, in their order', () => {
  const request = requestOf('/', 'Sec-WebSocket-Protocol', 'a,b ,\tc', 'sec-websocket-protocol', 'd');
  expect(subprotocolsOf(request)).toEqual(['a', 'b', 'c', 'd']);
  expect(subprotocolsOf(requestOf('/'))).toEqual([]);
});
