import { inspect } from 'node:util';
import { exportSPKI, type JWTHeaderParameters, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import type { VerificationKeys } from '../../src/auth/keys.ts';
import { createVerifier } from '../../src/auth/tokens.ts';
import { sign, signingKey } from './issuer.ts';

const nowSeconds = 1_800_000_000;
const now = () => nowSeconds * 1000;
const claims = { sub: 'user-1', exp: nowSeconds + 60 };
const secret = 'a secret that nobody else has, really';
const secretBytes = new TextEncoder().encode(secret);

function hs256(payload: object, header: Partial<JWTHeaderParameters> = {}): Promise<string> {
  return new SignJWT({ ...payload }).setProtectedHeader({ alg: 'HS256', ...header }).sign(secretBytes);
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

const bySecret = createVerifier({ keys: { kind: 'secret', secret }, now });

describe('times, with 30 s of tolerance', () => {
  const noTime = 'The token\'s claim "exp" must be a time in seconds since 1970';
  const notANumber = (claim: string) => `The token is not valid: the claim "${claim}" must be a number`;

  test.each([
    ['expired 29 s ago', { exp: nowSeconds - 29 }],
    ['valid in 30 s', { nbf: nowSeconds + 30 }],
  ])('passes: %s', async (_title, times) => {
    const token = await hs256({ ...claims, ...times });
    await expect(bySecret.verify(token)).resolves.toMatchObject({ userId: 'user-1' });
  });

  test.each([
    ['expired 30 s ago', { exp: nowSeconds - 30 }, 'token_expired', 'The token has expired'],
    [
      'valid in 31 s',
      { nbf: nowSeconds + 31 },
      'invalid_token',
      'The token is not valid: it is not valid yet',
    ],
    ['exp as a string', { exp: String(nowSeconds + 60) }, 'invalid_token', notANumber('exp')],
    ['exp missing', { exp: undefined }, 'invalid_token', noTime],
    ['exp beyond all dates', { exp: 1e300 }, 'invalid_token', noTime],
    ['nbf as a string', { nbf: '0' }, 'invalid_token', notANumber('nbf')],
  ])('refuses: %s', async (_title, times, code, message) => {
    const token = await hs256({ ...claims, ...times });
    await expect(bySecret.verify(token)).rejects.toMatchObject({ code, message });
  });

  test('the clock is read at each verification', async () => {
    let seconds = nowSeconds;
    const verifier = createVerifier({ keys: { kind: 'secret', secret }, now: () => seconds * 1000 });
    const token = await hs256(claims);
    await verifier.verify(token);
    seconds += 90;
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token_expired' });
  });
});

describe('issuer and audience', () => {
  const keys = { kind: 'secret', secret } as const;
  const verifier = createVerifier({ keys, issuer: 'https://id', audience: 'signalbox', now });

  test.each([
    ['the right ones', { iss: 'https://id', aud: 'signalbox' }],
    ['one audience of several', { iss: 'https://id', aud: ['other', 'signalbox'] }],
  ])('passes: %s', async (_title, names) => {
    const token = await hs256({ ...claims, ...names });
    await expect(verifier.verify(token)).resolves.toMatchObject({ userId: 'user-1' });
  });

  test.each([
    ['wrong iss', { iss: 'https://id/', aud: 'signalbox' }, 'the claim "iss" is not the expected one'],
    ['iss as an array', { iss: ['https://id'], aud: 'signalbox' }, 'the claim "iss" is not the expected one'],
    ['missing iss', { aud: 'signalbox' }, 'the claim "iss" is missing'],
    ['wrong aud', { iss: 'https://id', aud: 'signalbox2' }, 'the claim "aud" is not the expected one'],
    ['missing aud', { iss: 'https://id' }, 'the claim "aud" is missing'],
  ])('refuses: %s', async (_title, names, reason) => {
    const token = await hs256({ ...claims, ...names });
    const message = `The token is not valid: ${reason}`;
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'invalid_token', message });
  });
});

test.each([
  ['RS256', 'PS512'],
  ['ES256', 'ES256'],
  ['ES384', 'ES384'],
  ['ES512', 'ES512'],
  ['EdDSA', 'Ed25519'],
])('one public key verifies %s (and %s of the same kind)', async (first, second) => {
  for (const alg of [first, second]) {
    const key = await signingKey('k', alg);
    const text = JSON.stringify({ ...key.jwk, alg: undefined });
    for (const keys of [
      { kind: 'publicKey', text },
      { kind: 'publicKey', text: await exportSPKI(key.publicKey) },
    ]) {
      const verifier = createVerifier({ keys: keys as VerificationKeys, now });
      await expect(verifier.verify(await sign(key, claims))).resolves.toMatchObject({ userId: 'user-1' });
    }
  }
});

test('no error shows any of the token', async () => {
  const canary = 'canary-5f0c';
  const tokens = [
    await hs256({ ...claims, exp: 1, sub: canary }, { kid: canary }),
    await hs256({ ...claims, name: 5, sub: canary }, { [canary]: canary }),
    await hs256({ ...claims, iss: canary, rooms: canary }, { kid: canary }),
    `${part({ alg: canary })}.${part({ sub: canary })}.${part(canary)}`,
    `${part({ alg: 'HS256', crit: [canary], [canary]: 1 })}.${part({ sub: canary })}.AAAA`,
    `${canary}!`,
  ];
  for (const token of tokens) {
    const error = await bySecret.verify(token).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    for (const trace of [canary, ...token.split('.').slice(1)]) {
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(trace);
    }
  }
});
