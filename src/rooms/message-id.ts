import type { Frame } from './frame.ts';

/**
 * How a chat message is named: by a UUID of version 7. Whoever makes one says with it when, by a clock that may be slow
 * or be set back; a store changes the part that says so where the message would else stand before what was said before
 * it. The rest stays as it was made, and is the mark of the message: unlike that of any other.
 */
const markAt = 19;
const idLength = 36;
/** As many as there are in the digits between the version and the mark. */
const idsInMs = 0x1000;

/** What stays of an id, whatever else a store makes of it: what a message is known by whose id is not known for sure. */
export function markOf(messageId: string): string {
  return messageId.slice(markAt);
}

/** The id of a message that comes after `newest`: the proposed one, or the next that there is with its mark. */
export function idAfter(newest: string, proposed: string): string {
  if (proposed > newest) return proposed;
  const count = Number.parseInt(newest.slice(15, 18), 16) + 1;
  const ms = Number.parseInt(newest.slice(0, 8) + newest.slice(9, 13), 16) + Math.floor(count / idsInMs);
  const time = ms.toString(16).padStart(12, '0');
  const rest = (count % idsInMs).toString(16).padStart(3, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${rest}-${markOf(proposed)}`;
}

/** The id in the text of a frame that has this mark; `undefined` where none has. */
export function idIn({ text }: Frame, mark: string): string | undefined {
  const at = text.indexOf(mark) - markAt;
  return at < 0 ? undefined : text.slice(at, at + idLength);
}

/** The frame of a message under the id that it is kept by, and not the one that was proposed. */
export function renamed(frame: Frame, messageId: string): Frame {
  const mark = markOf(messageId);
  const proposed = idIn(frame, mark);
  if (proposed === undefined || proposed === messageId) return frame;
  return { ...frame, text: frame.text.replace(proposed, messageId) };
}
