import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 15_000,
    hookTimeout: 15_000,
    // A process per file: what one breaks (signals, environment, sockets left open) no other one feels.
    pool: 'forks',
    maxWorkers: 2,
  },
});
