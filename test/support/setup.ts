import { afterAll, afterEach, beforeEach } from 'vitest';
import { enterTest, leave } from './scope.ts';
import { heldUpMs, stolenMs } from './stolen.ts';

// Runs before every test file, so its hooks come first on the way in and last on the way out: servers that a
// test started have been stopped, and all that they said has been judged, when the verdict falls. Unhandled
// rejections are vitest's business: any of them fails the run, unless somebody listens for them here.

let stolenBefore = 0;

beforeEach(() => {
  stolenBefore = stolenMs();
  enterTest();
});
afterEach(() => leave('test'));
afterEach(({ task }) => {
  const error = task.result?.errors?.at(-1);
  const stolen = stolenMs() - stolenBefore;
  // Says where to look first; it has failed all the same.
  if (error !== undefined && stolen >= heldUpMs)
    error.message += ` (the machine was held up for ${stolen} ms)`;
});
afterAll(() => leave('file'));
