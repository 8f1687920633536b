import { randomUUID } from 'node:crypto';
import type { TestServer } from './server.ts';

const scope = 'connections:read connections:kick rooms:broadcast rooms:close';

/** Calls the admin API, each time as another administrator: tests that ask often are not what limits are about. */
export function admin(
  server: Pick<TestServer, 'url' | 'token'>,
  method: string,
  path: string,
  body?: object,
): Promise<Response> {
  const headers = {
    authorization: `Bearer ${server.token({ sub: randomUUID(), scope })}`,
    'content-type': 'application/json',
  };
  return fetch(`${server.url}/api${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}
