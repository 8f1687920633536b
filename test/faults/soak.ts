import { mkdirSync, writeFileSync } from 'node:fs';
import { heldUpMs, stolenMs } from '../support/stolen.ts';
import { faultsAlone, longFaultsAlone } from './faults-alone.ts';
import { faultsPair, longFaultsPair } from './faults-pair.ts';
import type { Sample } from './inside.ts';
import { emptied, endure, type Fault, wait } from './ordeal.ts';
import { type Curve, plotted } from './plot.ts';
import { seeded } from './seeded.ts';
import { type Stage, startAlone, startPair } from './stage.ts';
import type { Subject } from './subject.ts';
import { trendOf } from './trend.ts';

/** How a long run goes. */
export interface SoakOptions {
  readonly durationMs: number;
  /** The same faults come in the same order for the same seed. */
  readonly seed: number;
}

/** How many rounds and curves were as they should be, and how many were not. */
export interface Tally {
  passed: number;
  failed: number;
}

/** One stage, and what its first server held after each round, when nobody was there. */
interface Run {
  readonly name: string;
  readonly stage: Stage;
  readonly faults: readonly Fault[];
  readonly samples: (Sample & { readonly atMs: number })[];
}

const directory = 'test-results';
const megabyte = 1_024 * 1_024;
/** By then a server that is left alone waits for nothing any more that anybody did: sessions, moves, dead nodes. */
const restWithinMs = 60_000;
const curves = [
  { name: 'resident memory', unit: 'MB', of: (one: Sample) => one.residentBytes / megabyte, share: 0.1 },
  { name: 'heap', unit: 'MB', of: (one: Sample) => one.heapBytes / megabyte, share: 0.05 },
  { name: 'handles', unit: 'open', of: (one: Sample) => one.handles, share: 0 },
  // What a round leaves is waited for in the next ones, too.
  { name: 'timers', unit: 'over a minute', of: (one: Sample) => one.lastingTimers, share: 0 },
] as const;

/**
 * Does one fault after the other to one server and, at the same time, to two nodes, in rounds of new clients and rooms;
 * judges each round, and in the end whether anything grew, and whether each comes to rest. Leaves the samples and a
 * picture of them.
 */
export async function soak({ durationMs, seed }: SoakOptions): Promise<Tally> {
  const tally: Tally = { passed: 0, failed: 0 };
  const alone = await startAlone();
  const pair = await startPair();
  const startedAt = performance.now();
  const runs: readonly Run[] = [
    { name: 'one server', stage: alone, faults: [...faultsAlone, ...longFaultsAlone], samples: [] },
    { name: 'two nodes', stage: pair, faults: [...faultsPair, ...longFaultsPair], samples: [] },
  ];
  await Promise.all(
    runs.map(async (run, n) => {
      const random = seeded(seed + n);
      const before = await quietest(run.stage.servers[0]);
      for (let round = 1; performance.now() - startedAt < durationMs; round += 1) {
        count(
          tally,
          await play(run, round, random).catch((error) => [`${run.name}, round ${round}`, [String(error)]]),
        );
        const sample = await quietest(run.stage.servers[0]);
        run.samples.push({ ...sample, atMs: Math.round(performance.now() - startedAt) });
      }
      count(tally, await rest(run, before));
    }),
  );
  const drawn = runs.flatMap(curvesOf);
  for (const { name, unit, trend } of drawn) {
    const verdict = `${trend.median.toFixed(1)} ${unit}, ${trend.rise.toFixed(2)} more in the end`;
    count(tally, [`${name}: ${verdict}`, trend.grows ? [`it grows: score ${trend.score.toFixed(1)}`] : []]);
  }
  save(runs, drawn, seed, durationMs);
  return tally;
}

/** One round, which leaves nobody behind: what is to be said of it, and what was wrong. */
async function play(run: Run, round: number, random: () => number): Promise<[line: string, wrong: string[]]> {
  const fault = run.faults[Math.floor(random() * run.faults.length)];
  if (fault === undefined) throw new Error('there are faults');
  const stolenBefore = stolenMs();
  const outcome = await endure(run.stage, fault, random);
  const stolen = stolenMs() - stolenBefore;
  const { sends, deliveries, resumes, freshStarts } = outcome;
  const isHeldUp = outcome.faults.length > 0 && stolen >= heldUpMs;
  const wrong = [...outcome.faults];
  if (!(await emptied(run.stage))) wrong.push('there are rooms left');
  const figures = `${sends} sent, ${deliveries} received, ${resumes} resumed, ${freshStarts} afresh`;
  const heldUp = isHeldUp ? `; the machine was held up for ${stolen} ms` : '';
  return [`${run.name}, round ${round}, ${fault.name}: ${figures}${heldUp}`, wrong];
}

/** What a server holds while it does nothing: a command that is under way has a timer, too. */
async function quietest(server: Subject): Promise<Sample> {
  let least = await server.sample();
  for (let more = 0; more < 4; more += 1) {
    await wait(150);
    const next = await server.sample();
    least = {
      ...next,
      handles: Math.min(least.handles, next.handles),
      timers: Math.min(least.timers, next.timers),
    };
  }
  return least;
}

/** Whether nothing is open or waited for that was not before anybody came: what is said of it, and what was wrong. */
async function rest({ name, stage }: Run, before: Sample): Promise<[line: string, wrong: string[]]> {
  const deadline = performance.now() + restWithinMs;
  const hasMore = ({ handles, timers }: Sample) => handles > before.handles || timers > before.timers;
  let now = await quietest(stage.servers[0]);
  while (hasMore(now) && performance.now() < deadline) now = await quietest(stage.servers[0]);
  const held = ({ handles, timers }: Sample) => `${handles} handles, ${timers} timers`;
  return [`${name}, at rest: ${held(now)}`, hasMore(now) ? [`before anybody came: ${held(before)}`] : []];
}

function count(tally: Tally, [line, wrong]: readonly [string, readonly string[]]): void {
  tally[wrong.length === 0 ? 'passed' : 'failed'] += 1;
  console.log(`${wrong.length === 0 ? '✓' : '✗'} ${line}${wrong.map((one) => `\n    ${one}`).join('')}`);
}

function curvesOf({ name: where, samples }: Run): Curve[] {
  return curves.map(({ name, unit, of, share }) => {
    const values = samples.map(of);
    const { median } = trendOf(values, 0);
    // Less than one of what is counted is nothing.
    return { name: `${where}, ${name}`, unit, values, trend: trendOf(values, share * median || 0.9) };
  });
}

function save(runs: readonly Run[], drawn: readonly Curve[], seed: number, durationMs: number): void {
  mkdirSync(directory, { recursive: true });
  const samples = Object.fromEntries(runs.map((run) => [run.name, run.samples]));
  const trends = Object.fromEntries(drawn.map(({ name, trend }) => [name, trend]));
  const minutes = Math.round(durationMs / 60_000);
  const title = `${minutes} minutes of faults, seed ${seed}: what a server holds after each round, when all have left`;
  writeFileSync(
    `${directory}/soak.json`,
    `${JSON.stringify({ seed, durationMs, trends, samples }, undefined, 1)}\n`,
  );
  writeFileSync(`${directory}/soak.svg`, plotted(title, drawn));
  console.log(`${directory}/soak.json and ${directory}/soak.svg hold the samples`);
}
