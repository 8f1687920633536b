import { createSign, generateKeyPairSync } from 'node:crypto';
import { exportJWK, type JWK, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createVerifier, type Verifier } from '../../src/auth/tokens.ts';
import { Issuer, type SigningKey, sign, signingKey } from './issuer.ts';

const start = 1_800_000_000_000;
const claims = { sub: 'user-1', exp: start / 1000 + 86_400 };
const onKeysUnavailable = vi.fn();
const [first, second] = await Promise.all([signingKey('key-1'), signingKey('key-2')]);

let issuer: Issuer;
let verifier: Verifier;
let nowMs: number;

beforeEach(async () => {
  nowMs = start;
  onKeysUnavailable.mockReset();
  issuer = await new Issuer().start(first);
  verifier = createVerifier({ keys: { kind: 'jwks', url: issuer.url }, now: () => nowMs, onKeysUnavailable });
});
afterEach(() => issuer.stop());

async function expectAccepted(key: SigningKey): Promise<void> {
  await expect(verifier.verify(await sign(key, claims))).resolves.toMatchObject({ userId: 'user-1' });
}

async function expectRefused(key: SigningKey, code = 'invalid_token'): Promise<void> {
  await expect(verifier.verify(await sign(key, claims))).rejects.toMatchObject({ code });
}

test('the keys are fetched when first needed, once for all who wait', async () => {
  expect(issuer.requests).toBe(0);
  await Promise.all(Array.from({ length: 50 }, () => expectAccepted(first)));
  expect(issuer.requests).toBe(1);
});

test('a flood of unknown kids causes one fetch in 30 s, and holds up no valid user', async () => {
  await expectAccepted(first);
  const kids = Array.from({ length: 1000 }, (_, index) => `kid-${index}`);
  const flood = await Promise.all(kids.map((kid) => sign(second, claims, { kid })));

  const send = () => Promise.allSettled(flood.map((token) => verifier.verify(token)));

  for (const round of [1, 2, 3]) {
    nowMs += 29_999;
    await send();
    expect(issuer.requests).toBe(round);

    nowMs += 1;
    issuer.answer = (request, response) => void setTimeout(() => issuer.publish(request, response), 100);
    const results = send();
    await expectAccepted(first);
    expect(await Promise.race([results, 'the flood still waits'])).toBe('the flood still waits');
    expect((await results).every(({ status }) => status === 'rejected')).toBe(true);
    expect(issuer.requests).toBe(round + 1);
  }
});

describe('rotation', () => {
  test('a new key works at once, and the old one as long as it is listed', async () => {
    await expectAccepted(first);
    nowMs += 30_000;
    issuer.keys = [first, second];
    await expectAccepted(second);
    await expectAccepted(first);
    expect(issuer.requests).toBe(2);
  });

  test('a withdrawn key stops working within ten minutes', async () => {
    await expectAccepted(first);
    issuer.keys = [second];
    nowMs += 599_999;
    await expectAccepted(first);
    nowMs += 1;
    await expectRefused(first);
    await expectAccepted(second);
  });

  test('two keys and a token that names none: refused with a reason', async () => {
    issuer.keys = [first, second];
    const message = 'The token is not valid: it names no key (kid) where its issuer has several';
    const nameless = new SignJWT(claims).setProtectedHeader({ alg: 'ES256' });
    await expect(verifier.verify(await nameless.sign(first.privateKey))).rejects.toMatchObject({ message });
  });
});

describe('an issuer that is away', () => {
  test('no key was ever fetched: auth_unavailable, and a new attempt each second', async () => {
    issuer.answer = (_request, response) => response.writeHead(500).end();
    await Promise.all([expectRefused(first, 'auth_unavailable'), expectRefused(first, 'auth_unavailable')]);
    nowMs += 999;
    await expectRefused(first, 'auth_unavailable');
    expect(issuer.requests).toBe(1);
    expect(onKeysUnavailable).toHaveBeenCalledTimes(1);

    issuer.answer = issuer.publish;
    nowMs += 1;
    await expectAccepted(first);
  });

  test('an attempt under way is joined, however long it takes', async () => {
    issuer.answer = (request) => void setTimeout(() => request.socket.destroy(), 100);
    const early = expectRefused(first, 'auth_unavailable');
    await vi.waitFor(() => expect(issuer.requests).toBe(1));
    nowMs += 1_000;
    await Promise.all([early, expectRefused(first, 'auth_unavailable')]);
    expect(issuer.requests).toBe(1);
    expect(onKeysUnavailable).toHaveBeenCalledTimes(1);
  });

  test('known keys go on beyond their age, with one attempt in 30 s', async () => {
    await expectAccepted(first);
    issuer.answer = (request) => request.socket.destroy();
    nowMs += 3_600_000;
    for (const token of [first, first, first]) await expectAccepted(token);
    await expectRefused(second);
    expect(issuer.requests).toBe(2);

    nowMs += 30_000;
    await expectAccepted(first);
    await vi.waitFor(() => expect(onKeysUnavailable).toHaveBeenCalledTimes(2));
    expect(issuer.requests).toBe(3);
  });

  test('after the first failure nobody waits for an address that hangs', async () => {
    await expectAccepted(first);
    issuer.answer = (_request, response) => response.writeHead(503).end();
    nowMs += 600_000;
    await expectAccepted(first);

    issuer.answer = () => undefined;
    nowMs += 30_000;
    await expectAccepted(first);
    await vi.waitFor(() => expect(issuer.requests).toBe(3));
  });

  test('when it is back, its answer counts again', async () => {
    await expectAccepted(first);
    issuer.answer = (_request, response) => response.writeHead(503).end();
    nowMs += 600_000;
    await expectAccepted(first);

    issuer.answer = issuer.publish;
    issuer.keys = [second];
    nowMs += 30_000;
    await expectAccepted(second);
    await expectRefused(first);

    issuer.keys = [first];
    nowMs += 600_000;
    await expectRefused(second);
  });

  test.each([
    ['no JSON', 'hello'],
    ['no key set', '{"error":"later"}'],
    ['a list that is none', '{"keys":"all"}'],
  ])('an answer that is %s counts as away', async (_title, body) => {
    await expectAccepted(first);
    issuer.answer = (_request, response) => response.end(body);
    nowMs += 600_000;
    await expectAccepted(first);
    expect(onKeysUnavailable).toHaveBeenCalledTimes(1);
  });

  test('a redirect is not followed', async () => {
    const other = await new Issuer().start(second);
    issuer.answer = (_request, response) => response.writeHead(302, { Location: other.url }).end();
    await expectRefused(second, 'auth_unavailable');
    expect(other.requests).toBe(0);
    await other.stop();
  });
});

test('a private key or a shared secret in the set verifies nothing', async () => {
  const secret = new Uint8Array(32);
  const oct = { kty: 'oct', kid: 'key-3', alg: 'HS256', k: Buffer.from(secret).toString('base64url') };
  issuer.keys = [
    { ...first, jwk: { ...(await exportJWK(first.privateKey)), kid: 'key-1' } },
    { ...first, jwk: oct },
  ];
  await expectRefused(first);

  const token = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'key-3' });
  await expect(verifier.verify(await token.sign(secret))).rejects.toMatchObject({ code: 'invalid_token' });
});

test('an RSA key of 1024 bits in the set verifies nothing', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  issuer.keys = [{ ...first, jwk: { ...publicKey.export({ format: 'jwk' }), kid: 'key-1' } as JWK }];
  const input = [{ alg: 'RS256', kid: 'key-1' }, claims].map((part) => Buffer.from(JSON.stringify(part)));
  const signed = input.map((part) => part.toString('base64url')).join('.');
  const token = `${signed}.${createSign('sha256').update(signed).sign(privateKey, 'base64url')}`;
  const message = 'The token is not valid: its key cannot be used';
  await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'invalid_token', message });
});

test('a clock set back does not stop fetching', async () => {
  await expectAccepted(first);
  nowMs -= 3_600_000;
  issuer.keys = [second];
  await expectAccepted(second);
});
