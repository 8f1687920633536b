import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkOrigin, type OriginPolicy } from '../../../src/transports/guards/origin.ts';

type Header = readonly [name: string, value: string];

/** A request as Node has parsed it. */
function requestOf(headers: readonly Header[]): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.rawHeaders = headers.flat();
  for (const [name, value] of headers) request.headers[name.toLowerCase()] ??= value;
  return request;
}

function passes(policy: Partial<OriginPolicy>, ...headers: Header[]): boolean {
  const all: OriginPolicy = { allowed: undefined, development: false, requiredOnUpgrade: false, ...policy };
  try {
    checkOrigin(requestOf(headers), all);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'origin_not_allowed' });
    return false;
  }
}

const origin = (value: string) => ['Origin', value] as const;
const host = (value: string) => ['Host', value] as const;

describe('checkOrigin', () => {
  test('an origin is allowed where it is on the list as it stands', () => {
    const webUrl = fc.tuple(
      fc.constantFrom('http', 'https'),
      fc.domain(),
      fc.option(fc.integer({ min: 1, max: 65_535 })),
    );
    fc.assert(
      fc.property(webUrl, webUrl, ([scheme, domain, port], [otherScheme, otherDomain, otherPort]) => {
        const listed = new URL(`${scheme}://${domain}${port === null ? '' : `:${port}`}`).origin;
        const other = new URL(`${otherScheme}://${otherDomain}${otherPort === null ? '' : `:${otherPort}`}`)
          .origin;
        expect(passes({ allowed: [listed] }, origin(listed))).toBe(true);
        expect(passes({ allowed: [listed] }, origin(other))).toBe(other === listed);
        expect(passes({ allowed: [] }, origin(listed))).toBe(false);
      }),
    );
  });

  test('whatever is sent, nothing but what is allowed passes, and nothing but a refusal is thrown', () => {
    const allowed = ['https://app.example', 'https://*.tenant.example'];
    const parts = fc.constantFrom(
      ...[
        'https://',
        'http://',
        'app.example',
        '.tenant.example',
        'a',
        '.',
        '@',
        ':',
        '/',
        '\\',
        '#',
        '?',
        '%',
        '*',
        '443',
        ' ',
        'é',
      ],
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(parts, { maxLength: 7 }).map((list) => list.join('')),
        ),
        (value) => {
          const expected =
            value === 'https://app.example' || /^https:\/\/[a-z0-9-]+\.tenant\.example$/.test(value);
          expect(passes({ allowed }, origin(value))).toBe(expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a star is exactly one label', () => {
    const label = fc
      .stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/)
      .filter((text) => !/^..--/.test(text));
    const allowed = ['https://*.tenant.example:8443'];
    fc.assert(
      fc.property(fc.array(label, { maxLength: 3 }), (labels) => {
        const value = `https://${[...labels, 'tenant', 'example'].join('.')}:8443`;
        expect(passes({ allowed }, origin(value))).toBe(labels.length === 1);
      }),
    );
  });

  test('null never passes', () => {
    for (const allowed of [undefined, ['null'], ['https://*.example']]) {
      expect(passes({ allowed, development: true }, origin('null'), host('null'))).toBe(false);
    }
  });

  test('two headers never pass, not even twice the same', () => {
    const twice = [origin('https://app.example'), ['ORIGIN', 'https://app.example']] as const;
    expect(passes({ allowed: ['https://app.example'] }, ...twice)).toBe(false);
  });

  test('without a list a page passes that comes from the host it speaks to', () => {
    expect(passes({}, origin('https://chat.example'), host('chat.example'))).toBe(true);
    expect(passes({}, origin('http://chat.example:8080'), host('CHAT.example:8080'))).toBe(true);
    expect(passes({}, origin('http://chat.example:8080'), host('chat.example'))).toBe(false);
    expect(passes({}, origin('http://chat.example'), host('chat.example.'))).toBe(false);
    expect(passes({}, origin('http://chat.example'))).toBe(false);
    expect(
      passes({ allowed: ['https://other.example'] }, origin('https://chat.example'), host('chat.example')),
    ).toBe(false);
  });

  test('in development, and only there, pages of this machine pass', () => {
    for (const value of [
      'http://localhost:5173',
      'http://127.0.0.1',
      'http://127.1.2.3:1',
      'https://[::1]:3000',
    ]) {
      expect(passes({ development: true }, origin(value))).toBe(true);
      expect(passes({ development: false }, origin(value))).toBe(false);
      expect(passes({ development: true, allowed: [] }, origin(value))).toBe(false);
    }
    for (const value of [
      'http://localhost.evil.example',
      'http://127.0.0.1.evil.example',
      'http://128.0.0.1',
      'http://[::2]',
    ]) {
      expect(passes({ development: true }, origin(value))).toBe(false);
    }
  });

  test('no Origin passes, but on an upgrade where one is required', () => {
    const upgrade = ['Upgrade', 'WebSocket'] as const;
    expect(passes({}, upgrade)).toBe(true);
    expect(passes({ requiredOnUpgrade: true })).toBe(true);
    expect(passes({ requiredOnUpgrade: true }, upgrade)).toBe(false);
    expect(passes({ requiredOnUpgrade: true }, upgrade, origin(''))).toBe(false);
  });
});
