import { parseArgs } from 'node:util';

export const help = `npm run bench -- [options]: measures the server beside bare ws and Socket.IO

  --quick        one short round, which ends within two minutes and leaves out what does not fit
  --only 1,3     only these scenarios
  --rounds N     how often each contestant comes; 3 without it, 1 with --quick
  --json FILE    where the results go; .cache/bench/results.json without it
  --save         also writes test/bench/results.json, which --check compares with
  --check        fails where a ratio is more than 25 % worse than the committed one
  --prof         writes a CPU profile of each run of the server under .cache/bench/profiles
  --help         this
`;

/** What the caller has to change; the message says what. */
export class UsageError extends Error {}

/** The command line. */
export interface Options {
  readonly quick: boolean;
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
      only: { type: 'string' },
      rounds: { type: 'string' },
      json: { type: 'string', default: '.cache/bench/results.json' },
      save: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      prof: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, only, rounds = quick ? '1' : '3', json, save, check, prof } = values;
  return {
    quick,
    only: only === undefined ? undefined : new Set(only.split(',').map((one) => count('--only', one, 8))),
    rounds: count('--rounds', rounds, 100),
    json,
    save,
    check,
    profiles: prof ? '.cache/bench/profiles' : undefined,
    help: values.help,
  };
}

function count(name: string, text: string, most: number): number {
  const number = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : Number.NaN;
  if (number <= most) return number;
  throw new UsageError(`${name}: ${JSON.stringify(text)} is not a whole number from 1 to ${most}`);
}
