import { describe, expect, test } from 'vitest';
import { httpLimits, pages, type Route, routes, upgrades } from '../../generated/operations.ts';
import { writeOperations, writeRest } from '../../src/codegen/rest.ts';
import { at, contractWith } from './specs.ts';

const minute = 60_000;

// The table at the end of the seed's connections API, and the paths and methods that stand above it.
test.each<[id: keyof typeof routes, method: string, path: string, limit: number, min: number, max: number]>([
  ['listActiveConnections', 'get', '/api/connections/active', 30, 1, 10],
  ['kickConnection', 'post', '/api/connections/{id}/kick', 20, 2, 30],
  ['broadcastToRoom', 'post', '/api/connections/rooms/{roomId}/broadcast', 30, 1, 10],
  ['closeRoom', 'post', '/api/connections/rooms/{roomId}/close', 10, 3, 60],
])('%s is what the seed says', (id, method, path, limit, min, max) => {
  const route: Route = routes[id];
  expect(route).toMatchObject({ method, path, auth: 'token', success: 200 });
  expect(route.limit).toMatchObject({
    limit,
    windowMs: minute,
    block: { minMs: min * minute, maxMs: max * minute },
  });
});

test('every limit has a name of its own, and every operation that has one asks for a scope', () => {
  const limited = Object.values<Route>(routes).filter(({ limit }) => limit !== undefined);
  expect(new Set(limited.map(({ limit }) => limit?.name)).size).toBe(limited.length);
  for (const route of limited) expect(route.scope).toBeTypeOf('string');
});

test('upgrades and pages are tables of their own', () => {
  expect(Object.entries(upgrades).map(([channel, { path }]) => [channel, path])).toEqual([
    ['zoom', '/ws/zoom/{roomId}'],
    ['screenshare', '/ws/screenshare/{roomId}'],
    ['chat', '/ws/chat/{roomId}'],
  ]);
  expect(Object.values(pages).map(({ path }) => path)).toContain('/docs/');
  expect(Object.keys(routes)).not.toContain('getDocs');
});

test('durations have become milliseconds', () => {
  expect(httpLimits).toMatchObject({ headersTimeoutMs: 5_000, maxHeaderBytes: 8192 });
});

describe('a change of the document', () => {
  test('of a limit is in the route table', () => {
    const text = writeOperations(
      contractWith((openapi) => {
        const operation = at(openapi, 'paths', '/api/connections/{id}/kick', 'post');
        operation['x-rate-limit'] = {
          name: 'kick',
          limit: 7,
          window: 'PT30S',
          block: { min: 'PT1S', max: 'PT2S' },
        };
      }),
    );
    expect(text).toContain(
      "scope: 'connections:kick', limit: { name: 'kick', limit: 7, windowMs: 30000, block: { minMs: 1000, maxMs: 2000 } } },",
    );
  });

  test('of a body is in the types', async () => {
    const text = await writeRest(
      contractWith((openapi) => {
        at(openapi, 'components', 'schemas', 'KickResult', 'properties').at = { type: 'string' };
      }),
    );
    expect(text).toMatch(/KickResult: \{[^}]*\bat\?: string;/);
  });
});
