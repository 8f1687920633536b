import { expect, test } from 'vitest';
import { type ErrorRule, errors } from '../../generated/errors.ts';
import { writeErrors } from '../../src/codegen/errors.ts';
import { at, contractWith } from './specs.ts';

test.each<[code: keyof typeof errors, rule: ErrorRule]>([
  ['bad_request', { title: 'Bad request', status: 400, socket: false, retryable: false }],
  [
    'rate_limited',
    { title: 'Rate limited', status: 429, socket: errors.rate_limited.socket, retryable: true },
  ],
  ['peer_not_found', { title: 'Peer not found', socket: true, retryable: false }],
])('%s has its rule', (code, rule) => {
  expect(errors[code]).toEqual(rule);
});

test('every code can be told to somebody: it has a status, or goes to sockets', () => {
  const mute = Object.entries(errors).filter(([, { status, socket }]) => status === undefined && !socket);
  expect(mute).toEqual([]);
});

test('a new code is a line in the type and a line in the table', () => {
  const contract = contractWith((openapi) => {
    const rules = at(openapi, 'components', 'schemas', 'ErrorCode', 'x-errors');
    rules.teapot = { title: "It's a teapot", status: 418 };
  });
  const lines = writeErrors(contract).split('\n');
  expect(lines).toContain("  | 'teapot';");
  expect(lines).toContain(
    "  teapot: { socket: false, retryable: false, title: 'It\\'s a teapot', status: 418 },",
  );
  expect(lines).toHaveLength(writeErrors(contractWith()).split('\n').length + 2);
});
