import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { leave } from '../support/scope.ts';
import { soak } from './soak.ts';

// npm run test:faults: the faults that CI does, each once. With --soak 20m (or 90s, or 1h) they come at random for so
// long, and what the servers hold is measured meanwhile; --seed says which come.

const { values } = parseArgs({
  options: { soak: { type: 'string' }, seed: { type: 'string', default: `${Date.now() % 1_000_000}` } },
});
if (values.soak === undefined) await short();
else await long(millisecondsOf(values.soak), Number(values.seed));

async function short(): Promise<void> {
  const child = spawn(process.execPath, ['test/support/run.ts', '--project', 'faults*'], {
    stdio: 'inherit',
  });
  const [code] = await once(child, 'close');
  process.exitCode = code ?? 1;
}

async function long(durationMs: number, seed: number): Promise<void> {
  console.log(`--seed ${seed}`);
  const { passed, failed } = await soak({ durationMs, seed }).finally(() => leave('file'));
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exitCode = failed > 0 ? 1 : 0;
}

function millisecondsOf(text: string): number {
  const [, count, unit = ''] = /^([1-9]\d{0,4})([smh])$/.exec(text) ?? [];
  if (count === undefined) throw new Error(`--soak: ${text} is not like 90s, 20m or 1h`);
  return Number(count) * ({ s: 1_000, m: 60_000, h: 3_600_000 }[unit] ?? 0);
}
