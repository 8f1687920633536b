import { beforeAll, expect, test } from 'vitest';
import { faultsPair } from './faults-pair.ts';
import { endure } from './ordeal.ts';
import { type Stage, startPair } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startPair();
}, 60_000);

test.each(faultsPair.map((fault) => [fault.name, fault] as const))(
  '%s',
  async (_name, fault) => {
    const outcome = await endure(stage, fault, Math.random);
    expect(outcome.faults).toEqual([]);
    expect(outcome.deliveries).toBeGreaterThan(outcome.sends);
  },
  60_000,
);
