import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { VerificationKeys } from './auth/keys.ts';
import { readPublicKey } from './auth/public-key.ts';
import type { CapacityLimits } from './rooms/door.ts';
import { ConfigError, choice, type Env, fail, integer, list, logLevels, quote } from './settings.ts';
import { isLoopback, readAllowedOrigin } from './transports/guards/origin.ts';

const anyKey = 'set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL';

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
  readonly capacity: CapacityLimits;
  readonly maxMessageBytes: number;
  readonly maxFragments: number;
  readonly headersTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly presenceBatchMs: number;
  readonly resumeWindowMs: number;
  readonly resumeBuffer: { readonly maxMessages: number; readonly maxBytes: number };
  readonly drainDelayMs: number;
  readonly messageBudgetScale: number;
  /** As `RTCIceServer.urls` takes them. */
  readonly stunUrls: readonly string[];
  readonly chatHistoryMessages: number;
  readonly chatHistoryMs: number;
  /** The directory of what survives the process; `undefined`: nothing does. */
  readonly dataDir: string | undefined;
  /** What joins this node to others; `undefined`: it is alone. Several URLs are those of a Redis Cluster. */
  readonly redis: { readonly urls: readonly string[]; readonly prefix: string } | undefined;
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
    capacity: {
      perUserAndRoom: integer(env, 'MAX_CONNECTIONS_PER_USER_AND_ROOM'),
      perUser: integer(env, 'MAX_CONNECTIONS_PER_USER'),
      perAddress: integer(env, 'MAX_CONNECTIONS_PER_ADDRESS'),
      roomSize: integer(env, 'MAX_ROOM_SIZE'),
    },
    maxMessageBytes: integer(env, 'MAX_MESSAGE_BYTES'),
    maxFragments: integer(env, 'MAX_FRAGMENTS'),
    headersTimeoutMs: integer(env, 'HEADERS_TIMEOUT_MS'),
    ...readHeartbeat(env),
    presenceBatchMs: integer(env, 'PRESENCE_BATCH_MS'),
    resumeWindowMs: integer(env, 'RESUME_WINDOW_MS'),
    resumeBuffer: {
      maxMessages: integer(env, 'RESUME_BUFFER_MESSAGES'),
      maxBytes: integer(env, 'RESUME_BUFFER_BYTES'),
    },
    drainDelayMs: integer(env, 'DRAIN_DELAY_MS'),
    messageBudgetScale: integer(env, 'MESSAGE_BUDGET_SCALE'),
    stunUrls: list(env.STUN_URLS).map(parseStunUrl),
    chatHistoryMessages: integer(env, 'CHAT_HISTORY_MESSAGES'),
    chatHistoryMs: integer(env, 'CHAT_HISTORY_MS'),
    dataDir: readDataDir(env),
    redis: readRedis(env),
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
  // An IPv6 address may come as URLs write it.
  const host = env.HOST?.replace(/^\[(.*)\]$/, '$1') || (development ? '127.0.0.1' : '0.0.0.0');
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

function parseOrigin(entry: string): string {
  const origin = readAllowedOrigin(entry);
  return (
    origin ??
    fail('ALLOWED_ORIGINS', `${quote(entry)} is not like https://example.com or https://*.example.com`)
  );
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

/** RFC 7064, section 3.1, without the rarities. */
function parseStunUrl(entry: string): string {
  if (/^stuns?:(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(entry)) return entry;
  return fail('STUN_URLS', `${quote(entry)} is not like stun:stun.example.com:3478`);
}

function readDataDir({ DATA_DIR: dir, REDIS_URL: url }: Env): string | undefined {
  if (!dir || !url) return dir || undefined;
  throw new ConfigError(
    'DATA_DIR, REDIS_URL: only one of these may be set: Redis keeps the chat history of its nodes',
  );
}

function readRedis(env: Env): Config['redis'] {
  const prefix = env.REDIS_PREFIX || 'signalbox:';
  // Braces would say what lies in one slot, which is for the keys to say.
  if (!/^[^{}\s\p{Cc}]{1,64}$/u.test(prefix)) {
    fail('REDIS_PREFIX', `${quote(prefix)} has braces, blanks or control characters, or is over 64 long`);
  }
  if (!env.REDIS_URL) return undefined;
  const urls = list(env.REDIS_URL);
  if (urls.length === 0 || !urls.every(isRedisUrl)) {
    fail(
      'REDIS_URL',
      'is not like redis://host:6379 or rediss://user:password@host:6379, or some with commas',
    );
  }
  const databases = urls.map((url) => URL.parse(url)?.pathname ?? '');
  if (urls.length > 1 && databases.some((path) => path.length > 1 && path !== '/0')) {
    fail('REDIS_URL', 'names a database, of which a Redis Cluster has only 0');
  }
  return { urls, prefix };
}

/** What the client takes. */
function isRedisUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '') return false;
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    return false;
  }
  return /^\/?\d{0,4}$/.test(url.pathname) && !url.search && !url.hash;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
