import { expect, test } from 'vitest';
import openapi from '../../../generated/openapi.json' with { type: 'json' };
import { rehearse } from '../../../src/transports/http/rehearsal.ts';
import { validateByContract } from '../../../src/transports/http/validate.ts';

test('every list of the contract is rehearsed, and passes its check', async () => {
  const { steps, bodyCheck } = validateByContract();
  const rehearsed: string[] = [];
  await rehearse({
    steps,
    bodyCheck: async (request, response) => {
      const check = await bodyCheck(request, response);
      return (body) => {
        rehearsed.push(request.route.path);
        check(body);
      };
    },
  });
  const lists = Object.keys(openapi.paths).filter((path) => /(active|rooms|\{roomId\}|bans)$/.test(path));
  const expected = lists.map((path) => path.replace('{roomId}', ':roomId'));
  expect([...new Set(rehearsed)].sort()).toEqual(expected.filter((path) => !path.startsWith('/ws')).sort());
});
