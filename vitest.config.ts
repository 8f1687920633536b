import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They need nodes that know of each other: not yet.
    exclude: process.env.TEST_FAULTS ? [] : ['test/faults/**'],
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 15_000,
    hookTimeout: 15_000,
    // A process per file: what one breaks (signals, environment, sockets left open) no other one feels.
    pool: 'forks',
    maxWorkers: 2,
  },
});
