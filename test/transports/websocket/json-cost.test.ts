import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** Prints the CPU time of a long text over that of one a sixteenth as long, once the optimiser has seen both. */
const script = `
  import { findJsonFault } from './src/transports/websocket/json.ts';
  const text = (bytes) => '[' + Array(Math.floor(bytes / 6)).fill('"a\\\\n"').join(',') + ']';
  const cost = (sample, times) => {
    const from = process.cpuUsage();
    for (let n = 0; n < times; n += 1) findJsonFault(sample, { maxDepth: 16, maxKeys: 256 });
    return process.cpuUsage(from).user / times;
  };
  const [long, short] = [text(32_000), text(2_000)];
  cost(long, 20);
  console.log(cost(long, 20) / cost(short, 2_000));
`;

test('the scan for faults grows with the text, not with its square', () => {
  // In a process of its own: what other tests have shown to the optimiser hides what it does to this.
  const args = ['--input-type=module', '--eval', script];
  const ratio = Number(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 }));
  expect(ratio).toBeGreaterThan(1);
  expect(ratio).toBeLessThan(80); // linear is 16, the square 256
}, 60_000);
