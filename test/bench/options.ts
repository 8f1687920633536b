import { parseArgs } from 'node:util';

export const help = `npm run bench -- [options]: measures the server beside bare ws and Socket.IO

  --quick        one short round, which ends within two minutes and leaves out what does not fit
  --cluster      scenarios 9 to 14 instead of 1 to 8: two and three nodes with one Redis (redis-server must be
                 installed), beside Socket.IO with its Redis adapter and its Redis Streams adapter
  --only 1,3     only these scenarios
  --rounds N     how often each contestant comes; 3 without it, 1 with --quick
  --json FILE    where the results go; without it .cache/bench/results.json, with --cluster cluster-results.json
  --save         also writes the file of that name in test/bench, which --check compares with
  --check        fails where a ratio is more than 25 % worse than the committed one
  --prof         writes a CPU profile of each run of the server under .cache/bench/profiles
  --help         this
`;

/** What the caller has to change; the message says what. */
export class UsageError extends Error {}

/** The command line. */
export interface Options {
  readonly quick: boolean;
  /** Many nodes with one Redis, in place of one server. */
  readonly cluster: boolean;
  /** Numbers of scenarios; `undefined`: all. */
  readonly only: ReadonlySet<number> | undefined;
  readonly rounds: number;
  readonly json: string;
  readonly save: boolean;
  readonly check: boolean;
  readonly profiles: string | undefined;
  readonly help: boolean;
}

/** Reads the command line; throws a `UsageError`, or an error of `parseArgs`, where it makes no sense. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      cluster: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      json: { type: 'string', default: '' },
      save: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      prof: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, cluster, only, rounds = quick ? '1' : '3', json, save, check, prof } = values;
  return {
    quick,
    cluster,
    only: only === undefined ? undefined : scenariosIn(only, cluster),
    rounds: count('--rounds', rounds, 100),
    json: json || `.cache/bench/${cluster ? 'cluster-' : ''}results.json`,
    save,
    check,
    profiles: prof ? '.cache/bench/profiles' : undefined,
    help: values.help,
  };
}

function scenariosIn(list: string, isCluster: boolean): Set<number> {
  const [least, most] = isCluster ? [9, 14] : [1, 8];
  return new Set(list.split(',').map((one) => count('--only', one, most, least)));
}

function count(name: string, text: string, most: number, least = 1): number {
  const number = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`${name}: ${JSON.stringify(text)} is not a whole number from ${least} to ${most}`);
}
