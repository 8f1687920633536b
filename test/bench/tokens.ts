import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { userOf } from './load/dialects.ts';

export type Algorithm = 'HS256' | 'RS256';

const secret = 'a secret of the benchmark, which is long enough';
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keys = { HS256: new TextEncoder().encode(secret), RS256: pair.privateKey };
/** Signing with RSA takes longer than verifying, and the same clients come in every round. */
const minted = new Map<string, Promise<string>>();

/** The settings with which a server verifies the tokens of an algorithm. */
export const keySettings: Readonly<Record<Algorithm, Readonly<Record<string, string>>>> = {
  HS256: { JWT_SECRET: secret },
  RS256: { JWT_PUBLIC_KEY: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString() },
};

/** The token of one client: each is a user of its own. */
export function clientToken(index: number, algorithm: Algorithm = 'HS256'): Promise<string> {
  const key = `${algorithm} ${index}`;
  const token = minted.get(key) ?? mint({ name: userOf({ index }) }, userOf({ index }), algorithm);
  minted.set(key, token);
  return token;
}

/** The token of an administrator who may list connections. */
export function adminToken(subject: string): Promise<string> {
  return mint({ scope: 'connections:read' }, subject, 'HS256');
}

function mint(claims: Record<string, string>, subject: string, algorithm: Algorithm): Promise<string> {
  const token = new SignJWT(claims).setProtectedHeader({ alg: algorithm, typ: 'JWT' });
  return token.setSubject(subject).setIssuedAt().setExpirationTime('4h').sign(keys[algorithm]);
}
