import { createTelemetry } from '../../src/telemetry.ts';

// A process that logs far more than a pipe holds, then says how much memory that took and how long, and exits when it is
// told to.

const { report, flush } = createTelemetry('info');
const before = process.memoryUsage.rss();
const startedAt = performance.now();
for (let burst = 0; burst < 100; burst += 1) {
  for (let n = 0; n < 1_000; n += 1)
    report({ type: 'server.started', url: `${burst}-${n} ${'x'.repeat(300)}` });
  await new Promise((next) => setImmediate(next));
}
process.send?.({ grownBytes: process.memoryUsage.rss() - before, tookMs: performance.now() - startedAt });
process.on('message', async () => {
  await flush();
  process.exit(0);
});
