import fc from 'fast-check';
import { checkModel } from './agreement.ts';
import { Cast } from './cast.ts';
import { checkNewcomers, checkQuiet } from './checks.ts';
import { type Deed, deedText } from './deeds.ts';
import type { House } from './house.ts';
import { Model } from './model.ts';
import { Stage } from './stage.ts';
import { type Sequence, sequencesOver } from './steps.ts';

// MODEL_RUNS=20000 npx vitest run test/model looks longer. MODEL_SEED=… repeats what a failing run printed, but for
// who comes first in a burst.

/** How many sequences one node is to stand. */
export const runs = Number(process.env.MODEL_RUNS ?? 1_000);
const seed = process.env.MODEL_SEED ? Number(process.env.MODEL_SEED) : undefined;

/**
 * Does so many sequences; throws the shortest that it can find of those that fail.
 *
 * @param ports where each node listens
 * @param deadlineMs for all of them; what a failure takes to shrink included
 */
export async function playMany(
  house: House,
  ports: readonly number[],
  numRuns: number,
  deadlineMs: number,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(sequencesOver(ports.length), (sequence) => play(sequence, house, ports)),
    {
      ...(seed !== undefined && { seed }),
      ...{ numRuns, includeErrorInReport: true },
      ...{ interruptAfterTimeLimit: deadlineMs, markInterruptAsFailure: true },
    },
  );
}

/** Does one sequence, in rooms that nobody else uses; throws what is wrong, and what led to it. */
async function play({ steps, burst }: Sequence, house: House, ports: readonly number[]): Promise<void> {
  const [model, cast, stage] = [new Model(), new Cast(), new Stage(house, ports)];
  const script: string[] = [];
  try {
    for (const step of steps) {
      const deed = cast.deed(step, model);
      if (deed === undefined) continue;
      script.push(deedText(deed));
      const expected = model.apply(deed);
      const actual = await stage.perform(deed);
      await house.quiet();
      if (actual !== expected) throw new Error(`it should end with ${expected}, but did with ${actual}`);
    }
    await checkQuiet(stage);
    await checkModel(model, stage);
    // What comes first of the burst, nobody knows; what must be true anyhow still is.
    const deeds = burst
      .map((step) => cast.deed(step, model))
      .filter((deed): deed is Deed => deed !== undefined);
    script.push(...deeds.map((deed) => `at once: ${deedText(deed)}`));
    await Promise.all(deeds.map((deed) => stage.perform(deed)));
    if (deeds.length > 0) await checkQuiet(stage);
    await checkNewcomers(stage);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const faults = house.faults.splice(0).map((fault) => `\n${fault}`);
    throw new Error(`${stage.named(why)}\nafter\n  ${script.join('\n  ')}${faults.join('')}`);
  } finally {
    stage.end();
  }
}
