import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';

const serverCore = '0';
const generatorCore = '1';
/** Without `taskset`, or without a second core, both go where the system puts them. */
export const canPin = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

/** What a command must be called with to run on the core of the server. */
export function onServerCore(command: string, args: readonly string[]): [string, string[]] {
  return canPin ? ['taskset', ['-c', serverCore, command, ...args]] : [command, [...args]];
}

/** How long the core of the servers was busy since the machine started, whoever used it; 0 where it is not theirs. */
export function serverCoreBusyMs(): number {
  const times = canPin ? cpus()[Number(serverCore)]?.times : undefined;
  return times ? times.user + times.nice + times.sys + times.irq : 0;
}

/** Keeps this process, and all of its threads, away from the core of the server. */
export function moveToGeneratorCore(): void {
  if (canPin) spawnSync('taskset', ['-a', '-c', '-p', generatorCore, String(process.pid)]);
}
