import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { toIdentity } from '../../src/auth/claims.ts';
import { mayJoin } from '../../src/rooms/identity.ts';

const minimal = { sub: 'user-1', exp: 1_800_000_000 };

test('a token with no more than sub and exp is a plain user of every room', () => {
  expect(toIdentity(minimal)).toEqual({
    userId: 'user-1',
    presenterName: 'user-1',
    host: false,
    scopes: new Set(),
    rooms: undefined,
    channels: undefined,
    expiresAt: 1_800_000_000_000,
    subjectKey: createHash('sha256').update('[null,"user-1",null]').digest('base64url'),
  });
});

test('every claim is read', () => {
  const claims = {
    ...minimal,
    exp: 1_800_000_000.5,
    name: 'Ada Lovelace',
    host: true,
    scope: 'connections:read  rooms:close',
    permissions: ['connections:kick', 'rooms:close'],
    rooms: ['ABC123', 'team-*'],
    channels: ['zoom'],
  };
  expect(toIdentity(claims)).toMatchObject({
    presenterName: 'Ada Lovelace',
    host: true,
    scopes: new Set(['connections:read', 'rooms:close', 'connections:kick']),
    rooms: ['ABC123', 'team-*'],
    channels: ['zoom'],
    expiresAt: 1_800_000_000_500,
  });
});

test.each([
  ['sub', undefined, 'a non-empty string'],
  ['sub', '', 'a non-empty string'],
  ['sub', 5, 'a string'],
  ['sub', 'half a pair: \ud83d', 'a string'],
  ['sub', 'x'.repeat(257), 'at most 256 characters long'],
  ['name', { first: 'Ada' }, 'a string'],
  ['name', null, 'a string'],
  ['name', 'x'.repeat(129), 'at most 128 characters long'],
  ['host', 'true', 'true or false'],
  ['host', 1, 'true or false'],
  ['host', null, 'true or false'],
  ['scope', 5, 'a string'],
  ['scope', ['connections:read'], 'a string'],
  ['permissions', 'connections:read', 'an array of strings'],
  ['permissions', [['connections:read']], 'an array of strings'],
  ['rooms', 'x', 'an array of strings'],
  ['rooms', [5], 'an array of strings'],
  ['channels', { zoom: true }, 'an array of strings'],
  ['iss', 5, 'a string'],
  ['client_id', 5, 'a string'],
  ['azp', [], 'a string'],
  ['exp', '1800000000', 'a time in seconds since 1970'],
])('%s: %.40j is refused by name', (claim, value, expected) => {
  const message = `The token's claim "${claim}" must be ${expected}`;
  expect(() => toIdentity({ ...minimal, [claim]: value })).toThrow(
    expect.objectContaining({ code: 'invalid_token', message }),
  );
});

test('lengths are counted in characters, and an empty name is no name', () => {
  expect(toIdentity({ ...minimal, name: '🎥'.repeat(128) }).presenterName).toBe('🎥'.repeat(128));
  expect(toIdentity({ ...minimal, name: '' }).presenterName).toBe('user-1');
});

test('claims of no meaning here change nothing, whatever they are called', () => {
  const claims = JSON.parse('{"sub":"user-1","exp":1800000000,"__proto__":{"host":true},"constructor":1}');
  expect(toIdentity(claims)).toEqual(toIdentity(minimal));
});

describe('the subject key', () => {
  const key = (claims: object) => toIdentity({ ...minimal, ...claims }).subjectKey;

  test('is the same for tokens of one subject, and shows nothing of it', () => {
    expect(key({ iss: 'a', name: 'x', exp: 1 })).toBe(key({ iss: 'a', host: true }));
    expect(key({})).toMatch(/^[\w-]{43}$/);
  });

  test('differs by issuer, subject and client, and no two are spelled alike', () => {
    const subjects = [
      {},
      { iss: 'a' },
      { iss: 'null' },
      { azp: 'a' },
      { iss: 'a', azp: 'a' },
      { sub: 'a","b' },
      { iss: 'a', sub: 'b' },
      { iss: 'a","b', sub: 'c' },
    ];
    expect(new Set(subjects.map(key)).size).toBe(subjects.length);
  });

  test('takes the client from client_id, else azp', () => {
    expect(key({ client_id: 'app' })).toBe(key({ azp: 'app' }));
    expect(key({ client_id: 'app', azp: 'other' })).toBe(key({ client_id: 'app' }));
  });
});

test.each([
  [{}, 'ABC123', 'zoom', true],
  [{ rooms: ['ABC123'] }, 'ABC123', 'zoom', true],
  [{ rooms: ['ABC123'] }, 'ABC1234', 'zoom', false],
  [{ rooms: ['ABC123'] }, 'abc123', 'zoom', false],
  [{ rooms: ['team-*'] }, 'team-', 'zoom', true],
  [{ rooms: ['team-*'] }, 'team-red', 'zoom', true],
  [{ rooms: ['team-*'] }, 'my-team-red', 'zoom', false],
  [{ rooms: ['*'] }, 'ABC123', 'zoom', true],
  [{ rooms: ['*23'] }, 'ABC123', 'zoom', false],
  [{ rooms: ['.*'] }, 'ABC123', 'zoom', false],
  [{ rooms: [] }, 'ABC123', 'zoom', false],
  [{ channels: ['chat', 'zoom'] }, 'ABC123', 'zoom', true],
  [{ channels: ['chat'] }, 'ABC123', 'zoom', false],
  [{ channels: ['*'] }, 'ABC123', 'zoom', false],
  [{ channels: [] }, 'ABC123', 'zoom', false],
  [{ rooms: ['ABC123'], channels: ['chat'] }, 'ABC123', 'zoom', false],
])('%j may join %s/%s: %s', (grant, roomId, channel, allowed) => {
  expect(mayJoin(toIdentity({ ...minimal, ...grant }), roomId, channel)).toBe(allowed);
});
