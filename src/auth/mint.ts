import { type JWTPayload, SignJWT } from 'jose';

/** What a minted token is to say; names are those of the claims, and what is absent is not claimed. */
export interface Grant {
  readonly sub: string;
  readonly name?: string;
  readonly host?: boolean;
  readonly rooms?: readonly string[];
  readonly channels?: readonly string[];
  readonly scope?: string;
}

/** How a token is minted: the HS256 secret, how long it lasts, and what the verifier expects of it. */
export interface MintOptions {
  readonly secret: string;
  readonly ttlSeconds: number;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** The clock, in epoch milliseconds. */
  readonly now?: () => number;
}

/**
 * Mints an HS256 token for development and tests. In production the tokens come from whoever signs users in;
 * the claims here show what such an issuer has to write.
 */
export async function mintToken(grant: Grant, options: MintOptions): Promise<string> {
  const { secret, ttlSeconds, issuer, audience, now = Date.now } = options;
  const issuedAt = Math.floor(now() / 1000);
  const claims: JWTPayload = { ...grant, iat: issuedAt, exp: issuedAt + ttlSeconds };
  if (issuer !== undefined) claims.iss = issuer;
  if (audience !== undefined) claims.aud = audience;
  const key = new TextEncoder().encode(secret);
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(key);
}
