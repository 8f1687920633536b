import type { Fact } from './facts.ts';

/** One message of the transcript. */
export interface Line {
  /** Its key in the AsyncAPI document, which says who sent it. */
  readonly message: string;
  readonly direction: 'client to server' | 'server to client';
  readonly channel: string;
  readonly frame: unknown;
}

/** For `JSON.stringify`: leaves out what opens a door. */
export function withoutTokens(name: string, value: unknown): unknown {
  return /token$/i.test(name) && typeof value === 'string' ? '…' : value;
}

/** Each message that the tests saw, by its key, with the shortest of its examples. */
export function transcriptOf(seen: readonly Fact[]): Line[] {
  const lines = new Map<string, Line>();
  for (const [section, message, example] of seen) {
    if (section !== 'transcript' || example === undefined) continue;
    const direction = message.startsWith('client.') ? 'client to server' : 'server to client';
    const before = lines.get(message);
    if (before === undefined || lengthOf(example.frame) < lengthOf(before.frame)) {
      lines.set(message, { message, direction, ...example });
    }
  }
  return [...lines.values()].sort((a, b) => (a.message < b.message ? -1 : 1));
}

function lengthOf(frame: unknown): number {
  return JSON.stringify(frame).length;
}
