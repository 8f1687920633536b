import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atScopeEnd } from './scope.ts';

/** An empty directory, gone at the end of the test or the file that made it. */
export function newDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'signalbox-'));
  atScopeEnd(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
