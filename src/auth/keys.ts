import type { JWTVerifyGetKey } from 'jose';
import { readPublicKey } from './public-key.ts';
import { RemoteKeys, type RemoteKeysOptions } from './remote-keys.ts';

/** What tokens are verified with: an HS256 secret, one public key (PEM or JWK), or an issuer's key set. */
export type VerificationKeys =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'publicKey'; readonly text: string }
  | { readonly kind: 'jwks'; readonly url: string };

/** Keys, and the only algorithms that a token may name for them. */
export interface KeySource {
  readonly algorithms: readonly string[];
  readonly resolve: JWTVerifyGetKey;
}

/** Never HS256: an attacker would sign with the text of a public key that anyone can fetch. */
const asymmetric = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/**
 * Makes the keys ready for use; throws if a public key cannot be read. The algorithms follow from the kind of
 * key, never from the token, and no header of a token (`jwk`, `jku`, `x5c`, `x5u`) brings a key of its own.
 */
export function createKeySource(keys: VerificationKeys, options: RemoteKeysOptions): KeySource {
  switch (keys.kind) {
    case 'secret': {
      const key = importSecret(keys.secret);
      return { algorithms: ['HS256'], resolve: () => key };
    }
    case 'publicKey': {
      const { key, algorithms } = readPublicKey(keys.text);
      return { algorithms, resolve: () => key };
    }
    case 'jwks':
      return { algorithms: asymmetric, resolve: new RemoteKeys(keys.url, options).resolve };
  }
}

/** Imported once: given raw bytes, jose would import them again for every token. */
function importSecret(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}
