import { expect, test } from 'vitest';
import { developmentSecret } from '../../src/auth/development.ts';
import { mintToken } from '../../src/auth/mint.ts';
import { createVerifier } from '../../src/auth/tokens.ts';

const now = () => 1_800_000_000_500;

test('what is minted is what is verified', async () => {
  const secret = developmentSecret();
  const names = { issuer: 'https://id', audience: 'signalbox' };
  const verifier = createVerifier({ keys: { kind: 'secret', secret }, ...names, now });
  const grant = {
    sub: 'user-1',
    name: 'Ada',
    host: true,
    rooms: ['team-*'],
    channels: ['zoom'],
    scope: 'connections:read connections:kick',
  };
  const token = await mintToken(grant, { secret, ttlSeconds: 3600, ...names, now });
  await expect(verifier.verify(token)).resolves.toMatchObject({
    userId: 'user-1',
    presenterName: 'Ada',
    host: true,
    rooms: ['team-*'],
    channels: ['zoom'],
    scopes: new Set(['connections:read', 'connections:kick']),
    expiresAt: 1_800_003_600_000,
  });
});

test('what is left out is not claimed', async () => {
  const token = await mintToken({ sub: 'user-1' }, { secret: developmentSecret(), ttlSeconds: 60, now });
  const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  expect(payload).toEqual({ sub: 'user-1', iat: 1_800_000_000, exp: 1_800_000_060 });
});

test('a development secret is new each time, and long enough', async () => {
  const [one, other] = [developmentSecret(), developmentSecret()];
  expect(one).not.toBe(other);
  expect(Buffer.from(one, 'base64url')).toHaveLength(32);
  const verifier = createVerifier({ keys: { kind: 'secret', secret: one } });
  const token = await mintToken({ sub: 'user-1' }, { secret: other, ttlSeconds: 60 });
  await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'invalid_token' });
});
