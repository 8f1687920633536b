import createClient, { type Client, type ClientOptions } from 'openapi-fetch';
import type { paths } from '../../generated/rest.ts';

/** The admin API, typed by the OpenAPI document; a client of openapi-fetch. */
export type AdminClient = Client<paths>;

/**
 * A client for the admin API.
 *
 * Calls resolve with `{ data, error, response }` and reject only where the network fails: a refusal is `error`, a
 * problem document (RFC 9457).
 *
 * @example
 * const admin = adminClient('http://localhost:8080', token);
 * const { data } = await admin.GET('/api/connections/active');
 *
 * @param token a JWT with the scopes of the operations that are called
 */
export function adminClient(
  baseUrl: string,
  token: string,
  options: Omit<ClientOptions, 'baseUrl'> = {},
): AdminClient {
  const client = createClient<paths>({ ...options, baseUrl });
  client.use({
    onRequest({ request }) {
      request.headers.set('Authorization', `Bearer ${token}`);
    },
  });
  return client;
}
