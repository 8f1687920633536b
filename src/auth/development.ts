import { randomBytes } from 'node:crypto';

/**
 * Makes the HS256 secret of one start in development mode. It is never stored and never fixed: a development
 * token dies with the process that minted it, and no token of one machine opens another.
 */
export function developmentSecret(): string {
  return randomBytes(32).toString('base64url');
}
