import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Response } from 'express';
import { sendQueue } from '../../../generated/messages.ts';

/** A body with a list in it that is still to be drawn. */
interface DrawnBody {
  readonly items: Iterable<unknown>;
  /** The body with these items for its list, which stands last in it. */
  readonly around: (items: readonly unknown[]) => unknown;
}

/** Throws if a body breaks the contract. */
export type BodyCheck = (body: unknown) => void;

/** How many items are drawn, checked and written before all else gets its turn: about a millisecond's work. */
const sliceLength = 250;

/**
 * Answers with a body that is JSON but for one list, which may be an iterator: the body itself, or a property of it.
 *
 * A list longer than a slice is drawn and written slice by slice. No more of it is held than one slice and what the
 * connection buffers, other work gets its turn in between, and the drawing stops when the client is gone; one that
 * takes nothing for `stallMs`, or at most twice as long, is cut off. Each slice is checked before it is written, as a body of its own, so the
 * first fault is still answered as one, and a later one breaks the response off.
 *
 * @param makeCheck checks bodies of this response; a short one is checked by `response.json` itself
 */
export async function writeBody(
  response: Response,
  body: unknown,
  makeCheck: () => Promise<BodyCheck>,
  stallMs: number = sendQueue.stallMs,
): Promise<void> {
  const drawn = findList(body);
  if (drawn === undefined) return void response.json(body);
  const slices = inSlices(drawn.items);
  const { value: first = [] } = slices.next();
  if (first.length < sliceLength) return void response.json(drawn.around(first));
  await nextTurn(); // what came before takes its time at the first call of an operation, and so does the check
  const check = await makeCheck();
  check(drawn.around(first));
  response.type('json');
  response.setTimeout(stallMs);
  try {
    await pipeline(textOf(drawn, first, slices, check), response);
  } catch (error) {
    // That a client does not wait for the end is no fault.
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'))
      throw error;
  }
}

async function* textOf(
  { around }: DrawnBody,
  first: readonly unknown[],
  slices: Iterable<readonly unknown[]>,
  check: BodyCheck,
): AsyncGenerator<string, void, void> {
  const empty = JSON.stringify(around([]));
  const listEnd = empty.lastIndexOf(']');
  yield empty.slice(0, listEnd) + itemsOf(first);
  for (const slice of slices) {
    await nextTurn();
    check(around(slice));
    yield `,${itemsOf(slice)}`;
  }
  yield empty.slice(listEnd);
}

function itemsOf(slice: readonly unknown[]): string {
  return JSON.stringify(slice).slice(1, -1);
}

function* inSlices(items: Iterable<unknown>): Generator<unknown[], void, void> {
  let slice: unknown[] = [];
  for (const item of items) {
    if (slice.push(item) < sliceLength) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}

/** An array is no list to be drawn: it is there already. */
function findList(body: unknown): DrawnBody | undefined {
  if (body instanceof Iterator) return { items: body, around: (items) => items };
  if (typeof body !== 'object' || body === null) return undefined;
  for (const [name, value] of Object.entries(body)) {
    if (!(value instanceof Iterator)) continue;
    const { [name]: _, ...rest } = body as Record<string, unknown>;
    return { items: value, around: (items) => ({ ...rest, [name]: items }) };
  }
  return undefined;
}
