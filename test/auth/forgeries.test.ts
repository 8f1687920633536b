import { createPublicKey } from 'node:crypto';
import { CompactSign, exportSPKI, FlattenedSign, type JWTHeaderParameters, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVerifier, type Verifier } from '../../src/auth/tokens.ts';
import { Issuer, type SigningKey, sign, signingKey } from './issuer.ts';

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

let issuer: Issuer;
let key: SigningKey;
let mallory: SigningKey;
let pem: string;
let byPublicKey: Verifier;
let byKeySet: Verifier;

beforeAll(async () => {
  key = await signingKey('key-1', 'RS256');
  mallory = await signingKey('key-1', 'RS256');
  pem = await exportSPKI(key.publicKey);
  issuer = await new Issuer().start(key);
  byPublicKey = createVerifier({ keys: { kind: 'publicKey', text: pem }, now });
  byKeySet = createVerifier({ keys: { kind: 'jwks', url: issuer.url }, now });
  await byKeySet.verify(await sign(key, claims));
});
afterAll(() => issuer.stop());

async function expectRefused(token: string): Promise<void> {
  for (const verifier of [bySecret, byPublicKey, byKeySet]) {
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'invalid_token' });
  }
}

async function expectAlgorithmRefused(token: string, ...verifiers: readonly Verifier[]): Promise<void> {
  const message = 'The token is not valid: its algorithm is not allowed';
  for (const verifier of verifiers) await expect(verifier.verify(token)).rejects.toMatchObject({ message });
}

test('the genuine token passes', async () => {
  await expect(byPublicKey.verify(await sign(key, claims))).resolves.toMatchObject({ userId: 'user-1' });
});

const noAlgorithms = [
  'none',
  'None',
  'NONE',
  'nOnE',
  'none ',
  '',
  undefined,
  null,
  '__proto__',
  'constructor',
];
test.each(noAlgorithms)('alg %j, signed and unsigned', async (alg) => {
  const unsigned = `${part({ alg })}.${part(claims)}`;
  await expectRefused(`${unsigned}.`);
  await expectRefused(unsigned);
  await expectRefused(`${unsigned}.${(await hs256(claims)).split('.')[2]}`);
});

test('HS256 signed with the text of the RSA public key, in PEM, DER and JWK', async () => {
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  for (const stolen of [pem, pem.trim(), der, JSON.stringify(key.jwk)]) {
    const bytes = typeof stolen === 'string' ? new TextEncoder().encode(stolen) : new Uint8Array(stolen);
    const token = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'key-1' }).sign(bytes);
    await expectRefused(token);
    await expectAlgorithmRefused(token, byPublicKey, byKeySet);
  }
});

test('another algorithm of the same secret', async () => {
  for (const alg of ['HS384', 'HS512']) {
    const token = await new SignJWT(claims).setProtectedHeader({ alg }).sign(secretBytes);
    await expectAlgorithmRefused(token, bySecret, byPublicKey, byKeySet);
  }
});

test('another algorithm than the one that the JWK is bound to', async () => {
  const text = JSON.stringify({ ...key.jwk, alg: 'PS256' });
  const verifier = createVerifier({ keys: { kind: 'publicKey', text }, now });
  await expectAlgorithmRefused(await sign(key, claims), verifier);
});

test('jwk, jku, x5u and x5c bring no key, and cause no request', async () => {
  const trap = await new Issuer().start(mallory);
  const before = issuer.requests;
  const x5c = [Buffer.from(await exportSPKI(mallory.publicKey)).toString('base64')];
  for (const header of [{ jwk: mallory.jwk }, { jku: trap.url }, { x5u: trap.url }, { x5c }]) {
    await expectRefused(await sign(mallory, claims, header));
  }
  expect(trap.requests).toBe(0);
  expect(issuer.requests).toBe(before);
  await trap.stop();
});

const longKids = [2_500, 10_240].map((length) => 'x'.repeat(length));
const kids = ['../../../../dev/null', '/etc/passwd', '__proto__', 'constructor', '', ...longKids];
test.each(kids)('kid %.30j', async (kid) => {
  await expectRefused(await sign(mallory, claims, { kid }));
});

test('a kid that is no string', async () => {
  for (const kid of [5, null, ['key-1'], { toString: 'key-1' }]) {
    await expectRefused(await sign(mallory, claims, { kid: kid as unknown as string }));
  }
});

test('a changed payload, a changed header, a cut signature', async () => {
  const [header, , signature = ''] = (await sign(key, claims)).split('.');
  await expectRefused(`${header}.${part({ ...claims, host: true })}.${signature}`);
  await expectRefused(`${part({ alg: 'PS256' })}.${part(claims)}.${signature}`);
  await expectRefused(`${header}.${part(claims)}.${signature.slice(0, -4)}`);
});

test('a JWS in JSON, flattened and general', async () => {
  const payload = new TextEncoder().encode(JSON.stringify(claims));
  const flattened = await new FlattenedSign(payload).setProtectedHeader({ alg: 'HS256' }).sign(secretBytes);
  const { protected: header, signature } = flattened;
  await expectRefused(JSON.stringify(flattened));
  const { payload: encoded } = flattened;
  await expectRefused(JSON.stringify({ payload: encoded, signatures: [{ protected: header, signature }] }));
});

test('crit, known to jose or not', async () => {
  const known = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', crit: ['b64'], b64: true });
  await expectRefused(await known.sign(secretBytes));
  const [, payload, signature] = (await hs256(claims)).split('.');
  await expectRefused(`${part({ alg: 'HS256', crit: ['exp'], exp: 1 })}.${payload}.${signature}`);
});

const noTokens = ['', '.', '..', 'a.b', 'a.b.c', 'a.b.c.d', 'a.b.c.d.e', ' a.b.c', 'ä.b.c', 'a'.repeat(1e6)];
test.each(noTokens)('no token at all: %.20j', (token) => expectRefused(token));

test.each(['[]', '"text"', 'null', '{', ''])('a payload that is no object: %s', async (json) => {
  const payload = new TextEncoder().encode(json);
  await expectRefused(await new CompactSign(payload).setProtectedHeader({ alg: 'HS256' }).sign(secretBytes));
});

test('a good token spelled with blanks or padding is refused', async () => {
  const token = await hs256(claims);
  for (const spelling of [`${token} `, `${token}=`, `${token}\n`, token.replace('.', ' .')]) {
    await expectRefused(spelling);
  }
});

test('a good token of more than 4096 bytes', async () => {
  const fits = await hs256({ ...claims, padding: 'x'.repeat(2_977) });
  const tooLong = await hs256({ ...claims, padding: 'x'.repeat(2_978) });
  expect([fits.length, tooLong.length]).toEqual([4096, 4097]);
  await expect(bySecret.verify(fits)).resolves.toMatchObject({ userId: 'user-1' });
  await expectRefused(tooLong);
});
