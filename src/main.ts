#!/usr/bin/env -S node --max-semi-space-size=16
// A young generation no larger than this, as `npm start` has it too: a collection of it holds up everybody.
import { parseArgs } from 'node:util';
import openapi from '../generated/openapi.json' with { type: 'json' };
import { developmentSecret } from './auth/development.ts';
import { type Grant, mintToken } from './auth/mint.ts';
import { type Config, readConfig } from './config.ts';
import { type RunningServer, startServer } from './server.ts';
import { ConfigError, settings } from './settings.ts';

const help = `signalbox ${openapi.info.version}: the contract-first real-time signaling server

  signalbox                 runs the server; settings come from the environment
  signalbox token --sub ID  mints a token with JWT_SECRET and prints it
      --name NAME           what others see; without it the ID
      --host                makes its bearer host wherever it joins
      --rooms A,B,TEAM-*    only these rooms; * at the end stands for the rest of a name
      --channels zoom,chat  only these channels
      --scope "S1 S2"       admin scopes, such as "connections:read rooms:close"
      --ttl 1h              how long it lasts: 90s, 15m, 1h, 7d; 1h without it
  signalbox --help          this
  signalbox --version       the version

Settings, with their defaults:

${settings.map(({ name, default: preset, description }) => `  ${name.padEnd(28)} ${description}${preset && ` (${preset})`}`).join('\n')}

Without JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL it runs in development mode: for this machine only, with a key of
its own, and it prints tokens to try it with.
`;

/** How long the server has to stop, after `DRAIN_DELAY_MS`: less than the 30 s that Kubernetes gives. */
const stopDeadlineMs = 29_000;

/** A command line that makes no sense; the message says what would. */
class UsageError extends Error {}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!isExpected(error)) throw error;
  console.error(`signalbox: ${error.message}`);
  process.exitCode = 1;
}

async function main(args: string[]): Promise<void> {
  const [command] = args;
  if (command === 'token') return console.log(await token(args.slice(1)));
  if (command === '--help' || command === '-h') return console.log(help);
  if (command === '--version') return console.log(openapi.info.version);
  if (command !== undefined) throw new UsageError(`${command} is not a command; see signalbox --help`);
  await run(readConfig(process.env));
}

async function run(config: Config): Promise<void> {
  const secret = developmentSecret();
  const starting = startServer(config, { developmentSecret: secret });
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      setTimeout(() => giveUp('it did not end in time'), config.drainDelayMs + stopDeadlineMs).unref();
      // A start that fails ends the process by itself.
      void starting.then(end, () => {});
    });
  }
  const server = await starting;
  if (config.development) console.log(await banner(server, secret));
}

async function end(server: RunningServer): Promise<void> {
  try {
    await server.stop();
  } catch (error) {
    giveUp(String(error));
  }
  process.exit(0);
}

/** What is left behind others find out. */
function giveUp(why: string): never {
  console.error(`signalbox: stopped the hard way: ${why}`);
  process.exit(1);
}

async function token(args: string[]): Promise<string> {
  const { values } = parseArgs({
    args,
    options: {
      sub: { type: 'string' },
      name: { type: 'string' },
      host: { type: 'boolean' },
      rooms: { type: 'string' },
      channels: { type: 'string' },
      scope: { type: 'string' },
      ttl: { type: 'string', default: '1h' },
    },
  });
  const { sub, name, host, rooms, channels, scope, ttl } = values;
  if (!sub) throw new UsageError('--sub: say whose token it is, such as --sub alice');
  const { keys, issuer, audience } = readConfig(process.env);
  if (keys.kind !== 'secret') {
    throw new ConfigError('JWT_SECRET: set the secret that the server runs with; tokens are minted with it');
  }
  const grant: Grant = {
    sub,
    ...(name !== undefined && { name }),
    ...(host !== undefined && { host }),
    ...(rooms !== undefined && { rooms: rooms.split(',') }),
    ...(channels !== undefined && { channels: channels.split(',') }),
    ...(scope !== undefined && { scope }),
  };
  return mintToken(grant, { secret: keys.secret, ttlSeconds: seconds(ttl), issuer, audience });
}

function seconds(ttl: string): number {
  const [, count, unit = 's'] = /^([1-9]\d{0,8})([smhd])?$/.exec(ttl) ?? [];
  if (count === undefined) throw new UsageError(`--ttl: ${ttl} is not like 90s, 15m, 1h or 7d`);
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
  return Number(count) * (units[unit] ?? 1);
}

async function banner({ url }: RunningServer, secret: string): Promise<string> {
  const mint = (grant: Grant) => mintToken(grant, { secret, ttlSeconds: 8 * 3600 });
  const scopes = 'connections:read connections:kick rooms:broadcast rooms:close';
  const admin = await mint({ sub: 'admin', name: 'Admin', scope: scopes });
  const alice = await mint({ sub: 'alice', name: 'Alice' });
  const bob = await mint({ sub: 'bob', name: 'Bob' });
  const room = `${url.replace('http', 'ws')}/ws/zoom/ABC123`;
  return `
  DEVELOPMENT MODE: no key is set, so this start has one of its own, and listens on this machine only.
  Set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL to run it for others.

  Docs              ${url}/docs/

  An administrator  export BASE_URL=${url}
                    export TOKEN=${admin}
                    curl -H "Authorization: Bearer $TOKEN" "$BASE_URL/api/connections/active"

  Alice             ${room}?token=${alice}

  Bob               ${room}?token=${bob}
`;
}

function isExpected(error: unknown): error is Error {
  if (error instanceof ConfigError || error instanceof UsageError) return true;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code.startsWith('ERR_PARSE_ARGS');
}
