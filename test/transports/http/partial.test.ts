import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import type { OperationHandlers } from '../../../generated/operations.ts';
import { LocalLimitStore } from '../../../src/limits/local-limit-store.ts';
import { createApp } from '../../../src/transports/http/app.ts';
import type { HttpCaller } from '../../../src/transports/http/router.ts';
import { atScopeEnd } from '../../support/scope.ts';
import { watch } from '../../support/watch.ts';

// Lists that are and are not complete, at will. Where they come from is the matter of test/cluster and test/faults.

let isComplete = true;
let url: string;

beforeAll(async () => {
  const list = (_request: unknown, { partial }: HttpCaller) => {
    if (!isComplete) partial();
    return [].values();
  };
  const identity = { userId: 'admin', subjectKey: 'k', scopes: new Set(['connections:read']) };
  const guards = { checkOrigin: () => {}, identify: async () => identity, addressOf: () => 'x' };
  const app = await createApp({
    handlers: { listActiveConnections: list, listRooms: list } as unknown as OperationHandlers<HttpCaller>,
    guards: guards as unknown as Parameters<typeof createApp>[0]['guards'],
    limits: new LocalLimitStore(Date.now),
    report: ({ error }) => expect.unreachable(String(error)),
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atScopeEnd(() => server.close());
  url = `http://127.0.0.1:${await watch((server.address() as AddressInfo).port)}/api/connections`;
});

test.each(['active', 'rooms'])('%s says when the list is not complete, also to pages', async (list) => {
  for (isComplete of [false, true]) {
    const response = await fetch(`${url}/${list}`, { headers: { Origin: 'https://example.com' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('Signalbox-Partial')).toBe(isComplete ? null : 'true');
    expect(response.headers.get('Access-Control-Expose-Headers')).toContain('Signalbox-Partial');
  }
});
