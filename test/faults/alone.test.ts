import { beforeAll, expect, test } from 'vitest';
import { deathsAlone, faultsAlone } from './faults-alone.ts';
import { endure } from './ordeal.ts';
import { type Stage, startAlone } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startAlone();
}, 60_000);

// Deaths first: a clock that was set back makes ids of messages that a later process takes for those of the future.
test.each([...deathsAlone, ...faultsAlone].map((fault) => [fault.name, fault] as const))(
  '%s',
  async (_name, fault) => {
    const outcome = await endure(stage, fault, Math.random);
    expect(outcome.faults).toEqual([]);
    const { closes, freshStarts } = fault.excuses ?? {};
    if (freshStarts === true) expect(outcome.freshStarts).toBeGreaterThan(0);
    else if (closes === true) expect(outcome.resumes).toBeGreaterThan(0);
    expect(outcome.deliveries).toBeGreaterThan(outcome.sends);
  },
  60_000,
);
