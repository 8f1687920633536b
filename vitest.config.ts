import { resolve } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';
import { ofOneNode } from './test/support/spread.ts';

const faults = 'test/faults/**/*.test.ts';
/** Leaves the machine no time for anything else. */
const load = 'test/faults/storm.test.ts';
/** A minute long, and in no hurry. */
const lasting = 'test/faults/memory.test.ts';

export default defineConfig({
  test: {
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 15_000,
    hookTimeout: 15_000,
    // A process per file: what one breaks (signals, environment, sockets left open) no other one feels.
    pool: 'forks',
    // What one of these processes, or a server that it starts, has compiled, the others need not.
    env: { NODE_COMPILE_CACHE: resolve('node_modules/.cache/compiled') },
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'one node',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, faults],
        },
      },
      {
        extends: true,
        test: {
          name: 'three nodes',
          include: ['test/e2e/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...Object.keys(ofOneNode).map((file) => `test/e2e/${file}`)],
          env: { TEST_NODES: '3' },
          // Three processes start where one server did.
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults each',
          include: [faults],
          exclude: [...configDefaults.exclude, load, lasting],
          // What is promised within a second needs a machine with time for it: after all others. They mostly wait.
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        // Together with those: of one group, projects begin in the order of their names.
        test: { name: 'faults at length', include: [lasting], sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: { name: 'faults under load', include: [load], sequence: { groupOrder: 2 }, maxWorkers: 1 },
      },
    ],
  },
});
