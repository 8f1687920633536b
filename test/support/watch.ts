import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Checker } from '../contract/checker.ts';
import { withoutTokens } from '../contract/transcript.ts';
import { atScopeEnd, violation } from './scope.ts';
import { startTap } from './tap.ts';

const seen = new Set<string>();
const directory = process.env.CONTRACT_COVERAGE_DIR;
const file = directory && join(directory, `${randomUUID()}.jsonl`);

/** The checker of this test file: its violations fail the running test, its facts go to the coverage. */
const checker = new Checker({
  violation,
  fact(fact) {
    const [section, entry] = fact;
    const key = `${section}: ${entry}`; // one example of each is enough
    if (file === undefined || seen.has(key)) return;
    seen.add(key);
    appendFileSync(file, `${JSON.stringify(fact, withoutTokens)}\n`);
  },
});

/**
 * Puts the checker in front of a server on this machine, also one in another process, and gives the port to
 * talk to it. Ends with the running test or file; stop the server before, so that its last words are heard.
 */
export async function watch(port: number): Promise<number> {
  const tap = await startTap(port, () => checker.connection());
  atScopeEnd(() => tap.close());
  return tap.port;
}
