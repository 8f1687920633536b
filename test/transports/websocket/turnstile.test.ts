import { expect, test } from 'vitest';
import { Turnstile } from '../../../src/transports/websocket/turnstile.ts';

const limits = { perTurn: 2, atOnce: 3, maxWaiting: 4, waitMs: 1_000 };

/** A turnstile whose turns and time the test gives; each who goes through stays until it is let go. */
function rig() {
  const turns: (() => void)[] = [];
  const inside: string[] = [];
  const leaving = new Map<string, () => void>();
  const refused: unknown[] = [];
  const clock = { now: 0 };
  const turnstile = new Turnstile(
    limits,
    () => clock.now,
    (run) => turns.push(run),
  );
  const come = (...names: string[]) => {
    for (const name of names) {
      const work = () => {
        inside.push(name);
        return new Promise<void>((resolve) => leaving.set(name, resolve));
      };
      turnstile
        .run(work)
        .catch((error) => refused.push(`${name} ${error.code} ${error.details.retryAfterMs}`));
    }
  };
  /** What was begun by promises is over once a timer has run. */
  const settled = () => new Promise((resolve) => setTimeout(resolve));
  const turn = async () => {
    for (const run of turns.splice(0)) run();
    await settled();
  };
  const go = async (...names: string[]) => {
    for (const name of names) leaving.get(name)?.();
    await settled();
  };
  return { clock, come, go, inside, refused, settled, turn, turns };
}

test('so many begin in a turn, so many are inside, and those who wait come in the order of their coming', async () => {
  const { come, go, inside, turn } = rig();
  come('a', 'b', 'c', 'd', 'e', 'f');
  expect(inside).toEqual(['a', 'b']); // at once, since nobody was there
  await turn();
  expect(inside).toEqual(['a', 'b', 'c']);
  await turn();
  expect(inside).toEqual(['a', 'b', 'c']);
  await go('a', 'b', 'c');
  expect(inside).toEqual(['a', 'b', 'c']); // not before its turn
  await turn();
  expect(inside.slice(3)).toEqual(['d', 'e']);
  await turn();
  expect(inside.slice(5)).toEqual(['f']);
});

test('nobody overtakes who waits', async () => {
  const { come, go, inside, turn } = rig();
  come('a', 'b', 'c', 'd');
  await turn();
  await go('a', 'b', 'c');
  come('late');
  await turn();
  expect(inside).toEqual(['a', 'b', 'c', 'd', 'late']);
});

test('one more than may wait is refused at once, and who has waited for too long when its turn comes', async () => {
  const { clock, come, go, inside, refused, settled, turn } = rig();
  come('a', 'b', 'c', 'd', 'e', 'f', 'one more');
  await settled();
  expect(refused).toEqual(['one more overloaded 1000']);
  await turn();
  clock.now = 1_001;
  come('g');
  await go('a', 'b', 'c');
  await turn(); // d and e
  await turn(); // f and g
  expect(refused.slice(1)).toEqual(['d', 'e', 'f'].map((name) => `${name} overloaded 1000`));
  expect(inside).toEqual(['a', 'b', 'c', 'g']);
});

test('nothing is left to do once nobody is there', async () => {
  const { come, go, turn, turns } = rig();
  come('a', 'b', 'c');
  for (let n = 0; n < 5; n += 1) await turn();
  await go('a', 'b', 'c');
  await turn();
  expect(turns).toEqual([]);
});
