import { createHmac } from 'node:crypto';

/** What the servers of the tests verify tokens with. */
export const jwtSecret = 'a secret of the tests, which is long enough';

/**
 * Mints an HS256 token by hand (RFC 7515), so that tests do not rest on the code they test. By default for the
 * user `user_123`, from now for an hour; a claim given as `undefined` is left out.
 */
export function mintToken(claims: Record<string, unknown> = {}, secret = jwtSecret): string {
  const now = Math.floor(Date.now() / 1000);
  const header = encoded({ alg: 'HS256', typ: 'JWT' });
  const payload = encoded({ sub: 'user_123', iat: now, exp: now + 3600, ...claims });
  const signature = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url');
  return `${header}.${payload}.${signature}`;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
