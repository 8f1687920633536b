import { existsSync, readFileSync } from 'node:fs';

const stat = '/proc/stat';

/** Of what is promised within 100 ms nothing is shown where the processors were somebody else's for so long. */
export const heldUpMs = 100;

/**
 * For how long processors that were wanted were not there since this virtual machine began: its host gave them to others
 * (`man proc_stat`: steal). 0 where nothing says so.
 */
export function stolenMs(): number {
  if (!existsSync(stat)) return 0;
  const [, ticks] = /^cpu {2}(?:\d+ ){7}(\d+)/.exec(readFileSync(stat, 'utf8')) ?? [];
  return Number(ticks ?? 0) * 10;
}
