import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';

/** A public key, and the only algorithms that a token may name for it. */
export interface PublicKey {
  readonly key: KeyObject;
  readonly algorithms: readonly string[];
}

const minRsaBits = 2048;
const rsa = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const byCurve = new Map([
  ['prime256v1', ['ES256']],
  ['secp384r1', ['ES384']],
  ['secp521r1', ['ES512']],
]);

/**
 * Reads a public key from PEM (SPKI, PKCS#1 or a certificate) or a JWK. What is wrong comes out as an `Error`
 * whose message is one line and never repeats the text: the text may be a private key pasted by mistake.
 */
export function readPublicKey(text: string): PublicKey {
  const jwk = text.trimStart().startsWith('{') ? parseJwk(text) : undefined;
  // Node would quietly derive the public half, and leave the private one in the settings of a server.
  const isPrivate = jwk ? 'd' in jwk : text.includes('PRIVATE KEY');
  if (isPrivate) throw new Error('is a private key; give its public half');
  if (jwk?.use !== undefined && jwk.use !== 'sig') throw new Error('is a JWK that is not for signatures');

  const key = decode(jwk ?? text);
  const algorithms = algorithmsOf(key).filter((name) => jwk?.alg === undefined || jwk.alg === name);
  if (algorithms.length === 0) throw new Error('is a JWK whose "alg" does not fit its key');
  return { key, algorithms };
}

function parseJwk(text: string): JsonWebKey {
  let jwk: JsonWebKey;
  try {
    jwk = JSON.parse(text);
  } catch {
    throw new Error('is not valid JSON');
  }
  if ('keys' in jwk) throw new Error('is a set of keys; give one key, or the address of the set as JWKS_URL');
  if (jwk.kty === 'oct') throw new Error('is a shared secret; set JWT_SECRET instead');
  return jwk;
}

function decode(source: JsonWebKey | string): KeyObject {
  try {
    if (typeof source !== 'string') return createPublicKey({ key: source, format: 'jwk' });
    // Env files hold no line breaks, so many a PEM in them spells its own as backslash and n.
    return createPublicKey(source.replaceAll('\\n', '\n'));
  } catch {
    throw new Error('is not a public key in PEM or JWK form');
  }
}

function algorithmsOf(key: KeyObject): readonly string[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    if (bits < minRsaBits) throw new Error(`is an RSA key of ${bits} bits; ${minRsaBits} is the least`);
    return rsa;
  }
  if (type === 'ed25519') return ['EdDSA', 'Ed25519'];
  const algorithms = byCurve.get(details?.namedCurve ?? '');
  if (!algorithms) throw new Error('is of an unsupported kind; use RSA, P-256, P-384, P-521 or Ed25519');
  return algorithms;
}
