import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose';

/** A key pair of an issuer under test, with the public half as its key set would list it. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

export async function signingKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** Signs claims with the key, under its own `kid` unless the header says otherwise. */
export function sign(
  key: SigningKey,
  claims: object,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  const { kid, alg, privateKey } = key;
  return new SignJWT({ ...claims }).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
}

/** A real HTTP server that publishes a key set, counts who asks for it, and can be made to misbehave. */
export class Issuer {
  readonly #server = createServer((request, response) => {
    this.requests += 1;
    this.answer(request, response);
  });
  keys: readonly SigningKey[] = [];
  requests = 0;
  answer: RequestListener = this.publish;

  get publish(): RequestListener {
    return (_request, response) => {
      response.setHeader('Content-Type', 'application/jwk-set+json');
      response.end(JSON.stringify({ keys: this.keys.map(({ jwk }) => jwk) }));
    };
  }

  async start(...keys: readonly SigningKey[]): Promise<this> {
    this.keys = keys;
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/jwks.json`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
