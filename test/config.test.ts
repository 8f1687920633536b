import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import proxyAddr from 'proxy-addr';
import { afterAll, describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { ConfigError, settings } from '../src/settings.ts';

type Env = Parameters<typeof readConfig>[0];

const secret = 'a secret of exactly 32 bytes, ok';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const jwks = {
  JWKS_URL: 'https://id.example/jwks.json',
  JWT_ISSUER: 'https://id.example',
  JWT_AUDIENCE: 'signalbox',
};

const folder = mkdtempSync(join(tmpdir(), 'signalbox-config-'));
const keyFile = join(folder, 'key.pem');
writeFileSync(keyFile, pem);
writeFileSync(join(folder, 'private.pem'), privatePem);
afterAll(() => rmSync(folder, { recursive: true }));

test('the defaults, with a secret', () => {
  expect(readConfig({ JWT_SECRET: secret })).toEqual({
    port: 8080,
    host: '0.0.0.0',
    development: false,
    keys: { kind: 'secret', secret },
    issuer: undefined,
    audience: undefined,
    allowedOrigins: undefined,
    requireOrigin: false,
    trustedProxies: [],
    logLevel: 'info',
    addressFailuresPerMinute: 300,
    capacity: { perUserAndRoom: 5, perUser: 20, perAddress: 50, roomSize: 10_000 },
    maxMessageBytes: 65_536,
    maxFragments: 64,
    headersTimeoutMs: 5_000,
    heartbeatIntervalMs: 15_000,
    heartbeatTimeoutMs: 22_000,
    presenceBatchMs: 100,
    resumeWindowMs: 60_000,
    resumeBuffer: { maxMessages: 256, maxBytes: 262_144 },
    drainDelayMs: 0,
    messageBudgetScale: 1,
    stunUrls: [],
    chatHistoryMessages: 500,
    chatHistoryMs: 86_400_000,
    dataDir: undefined,
    redis: undefined,
  });
});

test('no key at all is development mode, on loopback', () => {
  expect(readConfig({})).toMatchObject({
    development: true,
    keys: { kind: 'development' },
    host: '127.0.0.1',
  });
});

test('an empty value counts as unset', () => {
  const empty = Object.fromEntries(settings.map(({ name }) => [name, '']));
  expect(readConfig(empty)).toEqual(readConfig({}));
});

test('the settings that are printed are the settings that are read', () => {
  const read = new Set<string>();
  for (const env of [{}, jwks]) {
    readConfig(
      new Proxy<Env>(env, { get: (target, name) => read.add(String(name)) && Reflect.get(target, name) }),
    );
  }
  expect([...read].sort()).toEqual(settings.map(({ name }) => name).sort());
  for (const { name, default: preset } of settings) {
    const inWords = name === 'HOST' || name === 'ALLOWED_ORIGINS';
    if (!inWords) expect(readConfig({ [name]: preset })).toEqual(readConfig({}));
  }
});

test('the configuration is frozen to its depth', () => {
  const config = readConfig({ JWT_SECRET: secret, ALLOWED_ORIGINS: 'https://example.com' });
  for (const value of [config, config.keys, config.allowedOrigins, config.trustedProxies]) {
    expect(Object.isFrozen(value)).toBe(true);
  }
});

describe('values that are taken', () => {
  const jwk = JSON.stringify(publicKey.export({ format: 'jwk' }));

  test.each([
    [{ PORT: '0' }, { port: 0 }],
    [{ PORT: '65535' }, { port: 65_535 }],
    [{ HOST: '::1' }, { host: '::1' }],
    [{ HOST: 'localhost' }, { host: 'localhost' }],
    [{ HOST: '127.1.2.3' }, { host: '127.1.2.3' }],
    [{ HOST: '10.0.0.1', JWT_SECRET: secret }, { host: '10.0.0.1' }],
    [{ NODE_ENV: 'production', JWT_SECRET: secret }, { development: false }],
    [{ JWT_SECRET: 'ü'.repeat(16) }, { keys: { kind: 'secret', secret: 'ü'.repeat(16) } }],
    [{ JWT_PUBLIC_KEY: pem }, { keys: { kind: 'publicKey', text: pem } }],
    [{ JWT_PUBLIC_KEY: jwk }, { keys: { kind: 'publicKey', text: jwk } }],
    [{ JWT_PUBLIC_KEY: keyFile }, { keys: { kind: 'publicKey', text: pem } }],
    [jwks, { keys: { kind: 'jwks', url: jwks.JWKS_URL }, issuer: jwks.JWT_ISSUER, audience: 'signalbox' }],
    [
      { ...jwks, JWKS_URL: 'http://localhost:9000/jwks' },
      { keys: { kind: 'jwks', url: 'http://localhost:9000/jwks' } },
    ],
    [{ ...jwks, JWKS_URL: 'http://[::1]/jwks' }, { keys: { kind: 'jwks', url: 'http://[::1]/jwks' } }],
    [{ REQUIRE_ORIGIN: 'true' }, { requireOrigin: true }],
    [{ LOG_LEVEL: 'silent' }, { logLevel: 'silent' }],
    [{ MAX_MESSAGE_BYTES: '1024' }, { maxMessageBytes: 1024 }],
    [{ HEARTBEAT_INTERVAL_MS: '20', HEARTBEAT_TIMEOUT_MS: '21' }, { heartbeatTimeoutMs: 21 }],
  ])('%o', (env, expected) => {
    expect(readConfig(env)).toMatchObject(expected);
  });

  test('origins, spelled as browsers spell them', () => {
    const names =
      'https://Example.com:443, http://localhost:3000,https://*.Example.com,https://*.example.com:8443';
    const origins = `${names},http://[::1]:5173,https://münchen.example,`;
    expect(readConfig({ ALLOWED_ORIGINS: origins }).allowedOrigins).toEqual([
      'https://example.com',
      'http://localhost:3000',
      'https://*.example.com',
      'https://*.example.com:8443',
      'http://[::1]:5173',
      'https://xn--mnchen-3ya.example',
    ]);
  });

  test('proxies, all of which proxy-addr takes', () => {
    const proxies =
      '10.0.0.1, 10.0.0.0/8,::1,fd00::/8,::ffff:10.0.0.1,loopback,linklocal,uniquelocal,0.0.0.0/1';
    const { trustedProxies } = readConfig({ TRUSTED_PROXIES: proxies });
    expect(trustedProxies).toEqual(proxies.split(',').map((proxy) => proxy.trim()));
    expect(proxyAddr.compile([...trustedProxies])('10.9.9.9', 0)).toBe(true);
  });
});

describe('values that are refused, each in one line', () => {
  const anyKey = 'set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL';
  const beyond = `is beyond this machine, where development mode stays; ${anyKey}`;
  const noUrl = 'JWKS_URL: is not an https URL (http is for loopback hosts only)';
  const noFile = 'JWT_PUBLIC_KEY: is neither PEM, nor a JWK, nor the path of a file that can be read';
  const noOrigin = 'is not like https://example.com or https://*.example.com';
  const noProxy = 'is not an IP, a CIDR, loopback, linklocal or uniquelocal';

  const cases: readonly (readonly [env: Env, message: string])[] = [
    [{ NODE_ENV: 'production' }, `${anyKey}: NODE_ENV=production forbids development mode`],
    [{ HOST: '0.0.0.0' }, `HOST: "0.0.0.0" ${beyond}`],
    [{ HOST: '127.example.com' }, `HOST: "127.example.com" ${beyond}`],
    [{ JWT_SECRET: secret, JWT_PUBLIC_KEY: pem }, 'JWT_SECRET, JWT_PUBLIC_KEY: only one of these may be set'],
    [{ JWT_SECRET: secret, ...jwks }, 'JWT_SECRET, JWKS_URL: only one of these may be set'],
    [
      { JWT_SECRET: secret.slice(1) },
      'JWT_SECRET: is 31 bytes long; use 32 or more: openssl rand -base64 32',
    ],
    [{ JWT_PUBLIC_KEY: privatePem }, 'JWT_PUBLIC_KEY: is a private key; give its public half'],
    [
      { JWT_PUBLIC_KEY: join(folder, 'private.pem') },
      'JWT_PUBLIC_KEY: is a private key; give its public half',
    ],
    [{ JWT_PUBLIC_KEY: pem.slice(0, 60) }, 'JWT_PUBLIC_KEY: is not a public key in PEM or JWK form'],
    [{ JWT_PUBLIC_KEY: 'no/such/file' }, `${noFile} (ENOENT)`],
    [{ JWT_PUBLIC_KEY: folder }, `${noFile} (EISDIR)`],
    [{ JWT_PUBLIC_KEY: 'a\0b' }, `${noFile} (ERR_INVALID_ARG_VALUE)`],
    [{ ...jwks, JWKS_URL: 'id.example/jwks' }, noUrl],
    [{ ...jwks, JWKS_URL: 'http://id.example/jwks' }, noUrl],
    [{ ...jwks, JWKS_URL: 'http://127.0.0.1.example/jwks' }, noUrl],
    [{ ...jwks, JWKS_URL: 'file:///etc/jwks' }, noUrl],
    [
      { ...jwks, JWKS_URL: 'https://me:pw@id.example/' },
      'JWKS_URL: holds a user name or password, which fetch refuses',
    ],
    [{ ...jwks, JWT_ISSUER: '' }, 'JWT_ISSUER: is required with JWKS_URL; set it to the iss of your tokens'],
    [
      { ...jwks, JWT_AUDIENCE: '' },
      'JWT_AUDIENCE: is required with JWKS_URL; set it to the aud of your tokens',
    ],
    ...['12abc', '1e3', '-1', '+1', '0x50', '80.5', ' 80', '65536', '٨٠'].map(
      (PORT) => [{ PORT }, `PORT: "${PORT}" is not a whole number from 0 to 65535`] as const,
    ),
    [{ PORT: 'a\nb' }, 'PORT: "a\\nb" is not a whole number from 0 to 65535'],
    [{ MAX_MESSAGE_BYTES: '1023' }, 'MAX_MESSAGE_BYTES: "1023" is not a whole number from 1024 to 16777216'],
    [{ HEADERS_TIMEOUT_MS: '0' }, 'HEADERS_TIMEOUT_MS: "0" is not a whole number from 100 to 300000'],
    [
      { HEARTBEAT_TIMEOUT_MS: '15000' },
      'HEARTBEAT_TIMEOUT_MS: 15000 is not longer than HEARTBEAT_INTERVAL_MS, 15000',
    ],
    [{ REQUIRE_ORIGIN: 'yes' }, 'REQUIRE_ORIGIN: "yes" is none of true, false'],
    [{ LOG_LEVEL: 'INFO' }, 'LOG_LEVEL: "INFO" is none of fatal, error, warn, info, debug, trace, silent'],
    ...[
      ...['*', 'null', 'example.com', 'https://', 'https://*', 'https://*.', 'ftp://example.com', 'file://'],
      ...['https://example.com/', 'https://example.com/a', 'https://example.com?', 'https://example.com#'],
      ...[
        'https://me@example.com',
        'https://*example.com',
        'https://a.*.example.com',
        'https://*.*.example.com',
      ],
      ...['https://example.com:99999', 'https://exa mple.com', 'https://[::1'],
    ].map((origin) => [{ ALLOWED_ORIGINS: origin }, `ALLOWED_ORIGINS: "${origin}" ${noOrigin}`] as const),
    [{ ALLOWED_ORIGINS: 'https://a.com\\b' }, `ALLOWED_ORIGINS: "https://a.com\\\\b" ${noOrigin}`],
    ...[
      '1',
      'true',
      'all',
      '10.1',
      '10.0.0.0/0',
      '10.0.0.0/33',
      '::/129',
      '10.0.0.256',
      'fe80::1%eth0',
      'proxy',
    ].map(
      (proxy) =>
        [{ TRUSTED_PROXIES: `loopback,${proxy}` }, `TRUSTED_PROXIES: "${proxy}" ${noProxy}`] as const,
    ),
  ];
  test.each(cases.map(([env, message]) => [message, env] as const))('%s', (message, env) => {
    const read = () => readConfig(env);
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(expect.objectContaining({ message, name: 'ConfigError' }));
    expect(message).not.toContain('\n');
  });
});

test('by default a half-open client is found out within 25 s: after the silence, a tick and the wait for its goodbye', () => {
  const { heartbeatIntervalMs, heartbeatTimeoutMs } = readConfig({ JWT_SECRET: secret });
  expect(heartbeatTimeoutMs + 1_000 + 1_000).toBeLessThan(25_000);
  expect(heartbeatTimeoutMs).toBeGreaterThan(heartbeatIntervalMs);
});
