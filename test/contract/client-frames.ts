import { isObject, type JsonObject } from '../../src/codegen/documents.ts';
import type { DeclaredChannel, DeclaredMessage, SocketContract } from './socket-contract.ts';

/** What the contract makes of a text frame that a client sent. */
export interface ClientFrame {
  readonly type: string;
  readonly frame: JsonObject;
  /** Its id, where one can be read out of it. */
  readonly id: string | undefined;
  /** The message, where the frame is one. */
  readonly message: DeclaredMessage | undefined;
  readonly payload: JsonObject;
  /** What must come back: its own reply (or an error of its handler), an error, or either. */
  readonly expects: 'reply' | 'error' | 'either';
  /** Whether an error may leave out the id, since the server may refuse the frame before it reads it. */
  readonly mayLackId: boolean;
}

/** Reads a text frame of a client by the AsyncAPI document. */
export function readClientFrame(
  contract: SocketContract,
  channel: DeclaredChannel,
  text: string,
): ClientFrame {
  const nothing = { type: '', frame: {}, id: undefined, message: undefined, payload: {}, mayLackId: true };
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return { ...nothing, expects: 'error' };
  }
  if (!isObject(frame)) return { ...nothing, expects: 'error' };
  const type = typeof frame.type === 'string' ? frame.type : '';
  const message = channel.client.get(type);
  const id = contract.schemas.faults(contract.frameId, frame.id).length === 0 ? String(frame.id) : undefined;
  const payload = isObject(frame.payload) ? frame.payload : {};
  const known = { type, frame, id, message, payload, mayLackId: id === undefined };
  const keys = keysOf(text);
  if (depthOf(frame) > contract.limits.maxDepth || keys.length > contract.limits.maxKeys) {
    return { ...known, expects: 'error', mayLackId: true };
  }
  const invalid = message === undefined || contract.schemas.faults(message.frame, frame).length > 0;
  const odd =
    keys.some((key) => ['__proto__', 'constructor', 'prototype'].includes(key)) || repeats(keys, frame);
  if (odd || hasLoneSurrogate(frame))
    return { ...known, expects: invalid ? 'error' : 'either', mayLackId: true };
  if (invalid) return { ...known, expects: 'error' };
  // A rule that stands in the description of Metadata alone: at most 1 KiB as JSON.
  const isLong = payload.metadata !== undefined && JSON.stringify(payload.metadata).length > 1024;
  return { ...known, expects: isLong ? 'either' : 'reply' };
}

/** Every key as the text has it, with repetitions; the text is valid JSON. */
function keysOf(text: string): string[] {
  const keys: string[] = [];
  for (const [, string, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?/g)) {
    if (string !== undefined && colon !== undefined) keys.push(String(JSON.parse(string)));
  }
  return keys;
}

function repeats(keys: readonly string[], frame: JsonObject): boolean {
  let distinct = 0;
  const count = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!Array.isArray(value)) distinct += Object.keys(value).length;
    for (const child of Object.values(value)) count(child);
  };
  count(frame);
  return distinct < keys.length;
}

function hasLoneSurrogate(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed();
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, child]) => !key.isWellFormed() || hasLoneSurrogate(child));
}

/** `{}` is 1 deep, `{ a: [] }` is 2. Walks level by level, since a recursive walk could run out of stack. */
function depthOf(value: unknown): number {
  let depth = 0;
  let level = [value];
  for (;;) {
    level = level.filter((one) => typeof one === 'object' && one !== null);
    if (level.length === 0) return depth;
    depth += 1;
    level = level.flatMap((one) => Object.values(one as object));
  }
}
