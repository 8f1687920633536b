import { frameLimits, resume, sendQueue } from '../generated/messages.ts';
import { httpLimits } from '../generated/operations.ts';

/** One environment variable, as `--help` and the README print it. */
export interface Setting {
  readonly name: string;
  /** The default as one would write it, or in words where it depends on something else; empty: unset. */
  readonly default: string;
  readonly description: string;
  /** Least and greatest value of a whole number. */
  readonly range?: readonly [least: number, greatest: number];
}

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const originsPreset = 'the host that was asked; in development mode also this machine';
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
  MAX_CONNECTIONS_PER_USER_AND_ROOM: setting('5', 'connections of one user to one room', [1, 1_000_000]),
  MAX_CONNECTIONS_PER_USER: setting('20', 'connections of one user', [1, 1_000_000]),
  MAX_CONNECTIONS_PER_ADDRESS: setting(
    '50',
    'connections from one address (IPv6: from one /64)',
    [1, 1_000_000],
  ),
  MAX_ROOM_SIZE: setting('10000', 'participants of one channel of a room', [1, 1_000_000]),
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
    [100, 300_000],
  ),
  HEARTBEAT_INTERVAL_MS: setting('15000', 'time between two pings to a client', [1, maxMs]),
  HEARTBEAT_TIMEOUT_MS: setting('22000', 'silence that ends a connection; above the interval', [1, maxMs]),
  PRESENCE_BATCH_MS: setting(
    '100',
    'how long joins and leaves of a storm are gathered, and longer beyond 500 members; 0 tells each',
    [0, 10_000],
  ),
  RESUME_WINDOW_MS: setting(
    '60000',
    'how long a client that lost its connection keeps its place; 0 is not at all',
    [0, maxMs],
  ),
  RESUME_BUFFER_MESSAGES: setting(
    `${resume.maxMessages}`,
    'messages kept for a client that may lack them; one that lacks more starts anew',
    [0, 10_000],
  ),
  RESUME_BUFFER_BYTES: setting(`${resume.maxBytes}`, 'bytes of these', [0, sendQueue.volatileBytes]),
  DRAIN_DELAY_MS: setting(
    '0',
    'how long a server that is told to stop goes on as usual, but for /readyz: until load balancers have noticed',
    [0, 600_000],
  ),
  MESSAGE_BUDGET_SCALE: setting(
    '1',
    'multiplies how many messages a client may send; for load tests',
    [1, 1_000_000],
  ),
  STUN_URLS: setting('', 'STUN servers for the clients, comma-separated, such as stun:stun.example.com:3478'),
  CHAT_HISTORY_MESSAGES: setting('500', 'chat messages kept of each channel of a room', [0, 100_000]),
  CHAT_HISTORY_MS: setting('86400000', 'how long chat messages are kept', [0, maxMs]),
  DATA_DIR: setting(
    '',
    'directory that keeps the chat history over restarts, of one node alone; without it, it is in memory',
  ),
  REDIS_URL: setting(
    '',
    'joins the nodes that share this Redis: redis:// or rediss://, with commas between those of a Redis Cluster',
  ),
  REDIS_PREFIX: setting('signalbox:', 'what all keys in Redis begin with, so that deployments can share one'),
  NODE_ENV: setting('', 'production forbids development mode, which is what no key at all means'),
};

/** Every setting there is, in the order in which they are printed. */
export const settings: readonly Setting[] = Object.entries(table).map(([name, row]) => ({ name, ...row }));

/** Names a setting. */
export type Name = keyof typeof table;
/** The environment. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Settings that the server does not start with; the message is one line and names the setting. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** A whole number within the setting's range. */
export function integer(env: Env, name: Name): number {
  const { default: preset, range: [least, greatest] = [0, maxMs] } = table[name];
  const value = env[name] || preset;
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= greatest) return number;
  return fail(name, `${quote(value)} is not a whole number from ${least} to ${greatest}`);
}

/** One of a few words. */
export function choice<const T extends string>(env: Env, name: Name, choices: readonly T[]): T {
  const value = env[name] || table[name].default;
  const known = choices.find((one) => one === value);
  return known ?? fail(name, `${quote(value)} is none of ${choices.join(', ')}`);
}

/** A comma-separated list; blanks around entries do not count. */
export function list(value = ''): string[] {
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
}

/** Keeps a foreign value on one short line. */
export function quote(value: string): string {
  return JSON.stringify(value.slice(0, 80));
}

function setting(preset: string, description: string, range?: Setting['range']): Omit<Setting, 'name'> {
  return { default: preset, description, ...(range && { range }) };
}

/** Stops the start, with one line that names the setting and what is wrong with it. */
export function fail(name: Name, problem: string): never {
  throw new ConfigError(`${name}: ${problem}`);
}
