import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { checkModel } from './agreement.ts';
import { Cast } from './cast.ts';
import { checkNewcomers, checkQuiet } from './checks.ts';
import { type Deed, deedText } from './deeds.ts';
import { type House, openHouse } from './house.ts';
import { Model } from './model.ts';
import { Stage } from './stage.ts';
import { type Sequence, sequences } from './steps.ts';

// MODEL_RUNS=20000 npx vitest run test/model looks longer. MODEL_SEED=… repeats what a failing run printed, but for
// who comes first in a burst.

const runs = Number(process.env.MODEL_RUNS ?? 1_000);
const seed = process.env.MODEL_SEED ? Number(process.env.MODEL_SEED) : undefined;
/** For 1,000 sequences; what a failure takes to shrink included. */
const deadlineMs = Math.max(110_000, runs * 110);

let house: House;

beforeAll(async () => {
  house = await openHouse();
});

/** Does one sequence, in rooms that nobody else uses; throws what is wrong, and what led to it. */
async function play({ steps, burst }: Sequence, port: number): Promise<void> {
  const [model, cast, stage] = [new Model(), new Cast(), new Stage(house, port)];
  const script: string[] = [];
  try {
    for (const step of steps) {
      const deed = cast.deed(step, model);
      if (deed === undefined) continue;
      script.push(deedText(deed));
      const expected = model.apply(deed);
      const actual = await stage.perform(deed);
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
    throw new Error(`${stage.named(why)}\nafter\n  ${script.join('\n  ')}`);
  } finally {
    stage.end();
  }
}

async function playMany(numRuns: number, port: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(sequences, (sequence) => play(sequence, port)),
    {
      ...(seed !== undefined && { seed }),
      ...{ numRuns, includeErrorInReport: true },
      ...{ interruptAfterTimeLimit: deadlineMs, markInterruptAsFailure: true },
    },
  );
}

// Through the tap every byte is parsed and checked twice, which takes most of the time: these are few.
test('under the eyes of the contract checker', { timeout: deadlineMs + 10_000 }, async () => {
  await playMany(Math.ceil(runs / 20), house.server.port);
});

test('the server does as the model does', { timeout: deadlineMs + 10_000 }, async () => {
  expect(house.port).not.toBe(house.server.port);
  await playMany(runs, house.port);
});
