import { afterAll, afterEach, beforeEach } from 'vitest';
import { enterTest, leave } from './scope.ts';

// Runs before every test file, so its hooks come first on the way in and last on the way out: servers that a
// test started have been stopped, and all that they said has been judged, when the verdict falls. Unhandled
// rejections are vitest's business: any of them fails the run, unless somebody listens for them here.

beforeEach(enterTest);
afterEach(() => leave('test'));
afterAll(() => leave('file'));
