/** How often each command ran, by name in lower case; `client|setinfo` counts as `client`. */
export type Commands = Readonly<Record<string, number>>;

/** What Redis did meanwhile. */
export interface RedisWork {
  /** Commands that the nodes sent; a script counts as one. */
  readonly calls: Commands;
  /** Commands that scripts ran. */
  readonly inScripts: Commands;
  /** How often Redis had something to read: what a node writes at one go is one round trip, however many commands. */
  readonly trips: number;
  readonly tookMs: number;
}

/** The counters of a Redis at one moment. */
export interface Counters {
  /** Those that scripts ran are among them. */
  readonly commands: Commands;
  readonly reads: number;
}

/** Reads `INFO commandstats stats`. The benchmark's own `INFO` does not count. */
export function countersIn(info: string): Counters {
  const commands: Record<string, number> = {};
  for (const [, name = '', calls] of info.matchAll(/^cmdstat_([^|:]+)[^:]*:calls=(\d+)/gm)) {
    if (name !== 'info') commands[name] = (commands[name] ?? 0) + Number(calls);
  }
  const [, reads] = /^total_reads_processed:(\d+)/m.exec(info) ?? [];
  if (reads === undefined)
    throw new Error('this Redis does not say how often it read: 6.0 or later is needed');
  return { commands, reads: Number(reads) };
}

/** The command in a line of `MONITOR`, where a script ran it. */
export function scriptedIn(line: string): string | undefined {
  const [, name] = /^\+?[\d.]+ \[\d+ lua\] "([^"]+)"/.exec(line) ?? [];
  return name?.toLowerCase();
}

/**
 * What lies between two moments.
 *
 * @param scripted the commands that scripts ran between them
 * @param ownReads how many of the reads were the benchmark's own questions
 */
export function workBetween(
  before: Counters,
  after: Counters,
  { scripted, ownReads, tookMs }: { scripted: readonly string[]; ownReads: number; tookMs: number },
): RedisWork {
  const inScripts: Record<string, number> = {};
  for (const name of scripted) inScripts[name] = (inScripts[name] ?? 0) + 1;
  const calls = mapped(after.commands, (count, name) => {
    const sent = count - (before.commands[name] ?? 0) - (inScripts[name] ?? 0);
    if (sent < 0) throw new Error(`MONITOR saw more of ${name} than Redis counted`);
    return sent;
  });
  return { calls, inScripts, trips: after.reads - before.reads - ownReads, tookMs };
}

/** What one message or join costs Redis: the work of so many, without what it has to do in that time anyway. */
export function workPerUnit(busy: RedisWork, idle: RedisWork, units: number): Omit<RedisWork, 'tookMs'> {
  const share = busy.tookMs / idle.tookMs;
  const net = (count: number, idleCount = 0) => Math.max(0, count - idleCount * share) / units;
  return {
    calls: mapped(busy.calls, (count, name) => net(count, idle.calls[name])),
    inScripts: mapped(busy.inScripts, (count, name) => net(count, idle.inScripts[name])),
    trips: net(busy.trips, idle.trips),
  };
}

/** All commands together. */
export function sumOf(commands: Commands): number {
  return Object.values(commands).reduce((sum, count) => sum + count, 0);
}

/** How often something was published, by nodes and by scripts. */
export function publishesIn({ calls, inScripts }: Pick<RedisWork, 'calls' | 'inScripts'>): number {
  const counts = [calls, inScripts].flatMap(({ publish = 0, spublish = 0 }) => [publish, spublish]);
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Below this a command is what is left of the idle ones, which do not come evenly. */
const worthNaming = 0.005;

/** Both kinds in one, the most frequent first; those of scripts are named `in scripts: hset`. */
export function named({ calls, inScripts }: Pick<RedisWork, 'calls' | 'inScripts'>): Commands {
  const scripted = Object.entries(inScripts).map(([name, count]) => [`in scripts: ${name}`, count] as const);
  const byCount = (list: readonly (readonly [string, number])[]) =>
    list.filter(([, count]) => count >= worthNaming).sort(([, a], [, b]) => b - a);
  return Object.fromEntries([...byCount(Object.entries(calls)), ...byCount(scripted)]);
}

function mapped(commands: Commands, change: (count: number, name: string) => number): Commands {
  const entries = Object.entries(commands).map(([name, count]) => [name, change(count, name)] as const);
  return Object.fromEntries(entries.filter(([, count]) => count !== 0));
}
