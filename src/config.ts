import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { frameLimits } from '../generated/messages.ts';
import { httpLimits } from '../generated/operations.ts';
import type { VerificationKeys } from './auth/keys.ts';
import { readPublicKey } from './auth/public-key.ts';

/** One environment variable, as `--help` and the README print it. */
export interface Setting {
  readonly name: string;
  /** The default as one would write it, or in words where it depends on something else; empty: unset. */
  readonly default: string;
  readonly description: string;
  /** Least and greatest value of a whole number. */
  readonly range?: readonly [least: number, greatest: number];
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const originsPreset = 'the host that was asked; in development mode also this machine';
const anyKey = 'set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL';
/** The longest time that Node's timers take. */
const maxMs = 2_147_483_647;

const table = {
  PORT: setting('8080', 'port to listen on; 0 takes any free one', [0, 65_535]),
  HOST: setting('127.0.0.1 in development mode, else 0.0.0.0', 'address to listen on'),
  JWT_SECRET: setting('', 'verifies tokens with HS256: a shared secret of 32 bytes or more'),
  JWT_PUBLIC_KEY: setting('', 'verifies tokens with one public key: PEM, JWK, or the path of a file'),
  JWKS_URL: setting('', 'verifies tokens with the key set that their issuer publishes at this https URL'),
  JWT_ISSUER: setting('', 'the iss that tokens must carry; required with JWKS_URL'),
  JWT_AUDIENCE: setting('', 'the aud that tokens must carry; required with JWKS_URL'),
  ALLOWED_ORIGINS: setting(
    originsPreset,
    'origins of pages that may connect, comma-separated; * in https://*.a.org is one label',
  ),
  REQUIRE_ORIGIN: setting(
    'false',
    'true refuses WebSockets of clients that send no Origin, which browsers always do',
  ),
  TRUSTED_PROXIES: setting('', 'whose X-Forwarded-For counts: IPs, CIDRs, loopback, linklocal, uniquelocal'),
  LOG_LEVEL: setting('info', logLevels.join(', ')),
  ADDRESS_FAILURES_PER_MINUTE: setting('300', 'failed attempts that one address may make', [1, 1_000_000]),
  MAX_MESSAGE_BYTES: setting(
    `${frameLimits.maxBytes}`,
    'longest message that a client may send',
    [1024, 16_777_216],
  ),
  MAX_FRAGMENTS: setting(
    `${frameLimits.maxFragments}`,
    'most frames that one message may come in',
    [1, 65_536],
  ),
  HEADERS_TIMEOUT_MS: setting(
    `${httpLimits.headersTimeoutMs}`,
    'time that a client has to send its request headers',
    [1, maxMs],
  ),
  HEARTBEAT_INTERVAL_MS: setting('15000', 'time between two pings to a client', [1, maxMs]),
  HEARTBEAT_TIMEOUT_MS: setting('25000', 'silence that ends a connection; above the interval', [1, maxMs]),
  NODE_ENV: setting('', 'production forbids development mode, which is what no key at all means'),
};

/** Every setting there is, in the order in which they are printed. */
export const settings: readonly Setting[] = Object.entries(table).map(([name, row]) => ({ name, ...row }));

type Name = keyof typeof table;
type Env = Readonly<Record<string, string | undefined>>;

/** The settings, checked and deeply frozen. */
export interface Config {
  readonly port: number;
  readonly host: string;
  /** No key is set: the server is for this machine only, and mints tokens with a secret of its own. */
  readonly development: boolean;
  readonly keys: VerificationKeys | { readonly kind: 'development' };
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  /** As browsers spell them, where `*.` stands for one label; `undefined` lets the transport decide. */
  readonly allowedOrigins: readonly string[] | undefined;
  readonly requireOrigin: boolean;
  /** As `proxy-addr` takes them. */
  readonly trustedProxies: readonly string[];
  readonly logLevel: (typeof logLevels)[number];
  readonly addressFailuresPerMinute: number;
  readonly maxMessageBytes: number;
  readonly maxFragments: number;
  readonly headersTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
}

/** Settings that the server does not start with; the message is one line and names the setting. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the settings from the environment, where an empty value counts as unset, and the file that
 * `JWT_PUBLIC_KEY` may name. Throws a `ConfigError`, which never repeats a secret, a key or a URL.
 */
export function readConfig(env: Env): Config {
  const keys = readKeys(env);
  const development = keys.kind === 'development';
  return deepFreeze({
    port: integer(env, 'PORT'),
    host: readHost(env, development),
    development,
    keys,
    issuer: env.JWT_ISSUER || undefined,
    audience: env.JWT_AUDIENCE || undefined,
    allowedOrigins: env.ALLOWED_ORIGINS ? list(env.ALLOWED_ORIGINS).map(parseOrigin) : undefined,
    requireOrigin: choice(env, 'REQUIRE_ORIGIN', ['true', 'false']) === 'true',
    trustedProxies: list(env.TRUSTED_PROXIES).map(parseProxy),
    logLevel: choice(env, 'LOG_LEVEL', logLevels),
    addressFailuresPerMinute: integer(env, 'ADDRESS_FAILURES_PER_MINUTE'),
    maxMessageBytes: integer(env, 'MAX_MESSAGE_BYTES'),
    maxFragments: integer(env, 'MAX_FRAGMENTS'),
    headersTimeoutMs: integer(env, 'HEADERS_TIMEOUT_MS'),
    ...readHeartbeat(env),
  });
}

function readKeys(env: Env): Config['keys'] {
  const { JWT_SECRET: secret, JWT_PUBLIC_KEY: publicKey, JWKS_URL: jwksUrl } = env;
  const given = (['JWT_SECRET', 'JWT_PUBLIC_KEY', 'JWKS_URL'] as const).filter((name) => env[name]);
  if (given.length > 1) throw new ConfigError(`${given.join(', ')}: only one of these may be set`);
  if (secret) return { kind: 'secret', secret: checkSecret(secret) };
  if (publicKey) return { kind: 'publicKey', text: readKeyText(publicKey) };
  if (jwksUrl) return { kind: 'jwks', url: checkJwksUrl(jwksUrl, env) };
  if (env.NODE_ENV !== 'production') return { kind: 'development' };
  throw new ConfigError(`${anyKey}: NODE_ENV=production forbids development mode`);
}

function checkSecret(secret: string): string {
  const bytes = Buffer.byteLength(secret);
  if (bytes < 32) fail('JWT_SECRET', `is ${bytes} bytes long; use 32 or more: openssl rand -base64 32`);
  return secret;
}

/** A key by mistake or by luck may look like a path, so neither is repeated. */
function readKeyText(value: string): string {
  let text = value;
  try {
    if (!/^\s*\{|-----BEGIN/.test(value)) text = readFileSync(value, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    fail('JWT_PUBLIC_KEY', `is neither PEM, nor a JWK, nor the path of a file that can be read (${code})`);
  }
  try {
    readPublicKey(text);
  } catch (error) {
    fail('JWT_PUBLIC_KEY', (error as Error).message);
  }
  return text;
}

function checkJwksUrl(value: string, env: Env): string {
  const url = URL.parse(value);
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (!safe) fail('JWKS_URL', 'is not an https URL (http is for loopback hosts only)');
  if (url?.username || url?.password) fail('JWKS_URL', 'holds a user name or password, which fetch refuses');
  if (!env.JWT_ISSUER) fail('JWT_ISSUER', 'is required with JWKS_URL; set it to the iss of your tokens');
  if (!env.JWT_AUDIENCE) fail('JWT_AUDIENCE', 'is required with JWKS_URL; set it to the aud of your tokens');
  return value;
}

function readHost(env: Env, development: boolean): string {
  const host = env.HOST || (development ? '127.0.0.1' : '0.0.0.0');
  if (!development || isLoopback(host)) return host;
  return fail('HOST', `${quote(host)} is beyond this machine, where development mode stays; ${anyKey}`);
}

function readHeartbeat(env: Env): Pick<Config, 'heartbeatIntervalMs' | 'heartbeatTimeoutMs'> {
  const heartbeatIntervalMs = integer(env, 'HEARTBEAT_INTERVAL_MS');
  const heartbeatTimeoutMs = integer(env, 'HEARTBEAT_TIMEOUT_MS');
  if (heartbeatTimeoutMs > heartbeatIntervalMs) return { heartbeatIntervalMs, heartbeatTimeoutMs };
  const problem = `${heartbeatTimeoutMs} is not longer than HEARTBEAT_INTERVAL_MS, ${heartbeatIntervalMs}`;
  return fail('HEARTBEAT_TIMEOUT_MS', problem);
}

/** The parts are taken apart before `URL` sees them: it would forgive a path, a backslash or a tab. */
function parseOrigin(entry: string): string {
  const parts = /^(https?:\/\/)(\*\.)?([^\s/\\?#@*]+)$/i.exec(entry);
  const [, scheme = '', wildcard = '', host = ''] = parts ?? [];
  const origin = URL.parse(scheme + host)?.origin;
  if (origin) return origin.replace('://', `://${wildcard}`);
  return fail('ALLOWED_ORIGINS', `${quote(entry)} is not like https://example.com or https://*.example.com`);
}

/** Stricter than `proxy-addr`, which reads Express's hop count `1` as the address 0.0.0.1. */
function parseProxy(entry: string): string {
  const [, address = '', prefix] = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/i.exec(entry) ?? [];
  const version = isIP(address);
  const bits = Number(prefix ?? 1);
  if (version && bits >= 1 && bits <= (version === 4 ? 32 : 128)) return entry;
  if (['loopback', 'linklocal', 'uniquelocal'].includes(entry)) return entry;
  return fail('TRUSTED_PROXIES', `${quote(entry)} is not an IP, a CIDR, loopback, linklocal or uniquelocal`);
}

function integer(env: Env, name: Name): number {
  const { default: preset, range: [least, greatest] = [0, maxMs] } = table[name];
  const value = env[name] || preset;
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= greatest) return number;
  return fail(name, `${quote(value)} is not a whole number from ${least} to ${greatest}`);
}

function choice<const T extends string>(env: Env, name: Name, choices: readonly T[]): T {
  const value = env[name] || table[name].default;
  const known = choices.find((one) => one === value);
  return known ?? fail(name, `${quote(value)} is none of ${choices.join(', ')}`);
}

function list(value = ''): string[] {
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
}

function isLoopback(host: string): boolean {
  return ['localhost', '::1', '[::1]'].includes(host) || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Keeps a foreign value on one short line. */
function quote(value: string): string {
  return JSON.stringify(value.slice(0, 80));
}

function setting(preset: string, description: string, range?: Setting['range']): Omit<Setting, 'name'> {
  return { default: preset, description, ...(range && { range }) };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

function fail(name: Name, problem: string): never {
  throw new ConfigError(`${name}: ${problem}`);
}
