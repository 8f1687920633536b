import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect, test } from 'vitest';
import { readPublicKey } from '../../src/auth/public-key.ts';

const rsaKeys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ecKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = rsaKeys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const jwk = (key: KeyObject, more = {}) => JSON.stringify({ ...key.export({ format: 'jwk' }), ...more });
const forRsa = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

/** Self-signed for P-256 until 2126: `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256`. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUFFoFLDamDbSjfgS2sVWjfYXQD5owCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjExODM0MTJaGA8yMTI2MTAyODE4MzQx
MlowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEdz
7A7mjhaez/bv2EIZ232w7dWrFHE9/RMR0rQ13vmZbMT0Ez6XGAWXGWKbZZic44mO
b/lX1lOjTD1WJt3XjuejUzBRMB0GA1UdDgQWBBQGeM4RZ4zfqMhUbbfyR+ULLK8t
VTAfBgNVHSMEGDAWgBQGeM4RZ4zfqMhUbbfyR+ULLK8tVTAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCNxq5TL9PLceH9kfP5vctfWWsavSTqQD9L
QZ/R2qth0AIgGhJ5+eKoB3khg8nLAupalf1V7CXoy/HX96gqVckI6Yo=
-----END CERTIFICATE-----`;

test.each([
  ['SPKI', pem, forRsa],
  ['SPKI with blank lines around it', `\n\n${pem}\n`, forRsa],
  ['SPKI in one line, as env files write it', pem.replaceAll('\n', '\\n'), forRsa],
  ['PKCS#1', rsaKeys.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(), forRsa],
  ['a certificate', certificate, ['ES256']],
  ['a JWK', ` ${jwk(rsaKeys.publicKey)}`, forRsa],
  ['a JWK bound to one algorithm', jwk(rsaKeys.publicKey, { alg: 'PS256', use: 'sig' }), ['PS256']],
  ['P-256', jwk(ecKeys.publicKey), ['ES256']],
  ['P-384', jwk(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey), ['ES384']],
  ['P-521', jwk(generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey), ['ES512']],
  ['Ed25519', jwk(generateKeyPairSync('ed25519').publicKey), ['EdDSA', 'Ed25519']],
])('%s is read, and fixes the algorithms', (_title, text, algorithms) => {
  const { key, algorithms: found } = readPublicKey(text);
  expect(key.type).toBe('public');
  expect(found).toEqual(algorithms);
});

const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const privateKey = 'is a private key; give its public half';
const unreadable = 'is not a public key in PEM or JWK form';
const unsupported = 'is of an unsupported kind; use RSA, P-256, P-384, P-521 or Ed25519';

test.each([
  [
    'a private key in PKCS#8',
    rsaKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    privateKey,
  ],
  [
    'a private key in SEC 1',
    ecKeys.privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
    privateKey,
  ],
  ['a private JWK', jwk(ecKeys.privateKey), privateKey],
  ['a PEM cut short', pem.slice(0, 200), unreadable],
  ['a PEM of nothing', '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----', unreadable],
  ['a JWK without its parts', '{"kty":"RSA"}', unreadable],
  ['a JWK of no kind', '{}', unreadable],
  ['broken JSON', '{"kty":', 'is not valid JSON'],
  ['a key set', '{"keys":[]}', 'is a set of keys; give one key, or the address of the set as JWKS_URL'],
  ['a secret as a JWK', '{"kty":"oct","k":"AAAA"}', 'is a shared secret; set JWT_SECRET instead'],
  ['a JWK for encryption', jwk(rsaKeys.publicKey, { use: 'enc' }), 'is a JWK that is not for signatures'],
  [
    'a JWK of a false alg',
    jwk(ecKeys.publicKey, { alg: 'HS256' }),
    'is a JWK whose "alg" does not fit its key',
  ],
  [
    'RSA of 1024 bits',
    spki(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey),
    'is an RSA key of 1024 bits; 2048 is the least',
  ],
  ['RSA for PSS only', spki(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey), unsupported],
  ['secp256k1', spki(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey), unsupported],
  ['Ed448', spki(generateKeyPairSync('ed448').publicKey), unsupported],
  ['X25519', spki(generateKeyPairSync('x25519').publicKey), unsupported],
])('%s is refused', (_title, text, message) => {
  expect(() => readPublicKey(text)).toThrow(new Error(message));
});
