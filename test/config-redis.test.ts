import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { ConfigError } from '../src/settings.ts';

type Env = Parameters<typeof readConfig>[0];

test('no address of a Redis: the node is alone, whatever the prefix', () => {
  expect(readConfig({ REDIS_PREFIX: 'a:' }).redis).toBeUndefined();
});

test.each<[Env, { urls: string[]; prefix?: string }]>([
  [{ REDIS_URL: 'redis://r' }, { urls: ['redis://r'] }],
  [{ REDIS_URL: 'redis://:p%20@127.0.0.1:6379/2' }, { urls: ['redis://:p%20@127.0.0.1:6379/2'] }],
  [
    { REDIS_URL: 'rediss://u:p@[::1]:1', REDIS_PREFIX: 'é:' },
    { urls: ['rediss://u:p@[::1]:1'], prefix: 'é:' },
  ],
  [{ REDIS_URL: 'redis://a:1, redis://b:2/0,' }, { urls: ['redis://a:1', 'redis://b:2/0'] }],
])('%o is taken', (env, { urls, prefix = 'signalbox:' }) => {
  const { redis } = readConfig(env);
  expect(redis).toEqual({ urls, prefix });
  expect([redis, redis?.urls].every(Object.isFrozen)).toBe(true);
});

const noUrl =
  'REDIS_URL: is not like redis://host:6379 or rediss://user:password@host:6379, or some with commas';
const noPrefix = 'has braces, blanks or control characters, or is over 64 long';

test.each<[Env, string]>([
  ...['canary', 'http://canary', 'redis://', 'redis:canary', 'redis://a/canary', 'redis://a?canary', ','].map(
    (url): [Env, string] => [{ REDIS_URL: url }, noUrl],
  ),
  ...['redis://u:canary%@a', 'redis://u:%ff@a', 'redis://u:canary#@a', 'redis://a:1,canary'].map(
    (url): [Env, string] => [{ REDIS_URL: url }, noUrl],
  ),
  [
    { REDIS_URL: 'redis://a,redis://:canary@b/1' },
    'REDIS_URL: names a database, of which a Redis Cluster has only 0',
  ],
  ...['{a', 'a}', 'a b', 'a\u00a0', 'a'.repeat(65)].map((prefix): [Env, string] => [
    { REDIS_PREFIX: prefix },
    `REDIS_PREFIX: "${prefix}" ${noPrefix}`,
  ]),
  [{ REDIS_PREFIX: 'a\x07' }, `REDIS_PREFIX: "a\\u0007" ${noPrefix}`],
])('%o stops the start with one line, which holds no password', (env, message) => {
  expect(() => readConfig(env)).toThrow(new ConfigError(message));
  expect(message).not.toContain('canary');
});
