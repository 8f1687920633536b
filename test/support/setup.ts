import { afterAll, afterEach, beforeEach } from 'vitest';
import { enterTest, leave, violation } from './scope.ts';

// Runs before every test file, so its hooks come first on the way in and last on the way out: servers that a
// test started have been stopped, and all that they said has been judged, when the verdict falls.

process.on('unhandledRejection', (reason) => {
  violation(`unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}`);
});

beforeEach(enterTest);
afterEach(() => leave('test'));
afterAll(() => leave('file'));
