import {
  type ServerMessage,
  type ServerMessageType,
  type ServerPayloads,
  volatileMessages,
} from '../../generated/messages.ts';

/** A message as it is sent: encoded once, and shared by all who receive it. */
export interface Frame {
  /** JSON. */
  readonly text: string;
  /** Whether it may be dropped on its way to a client that reads slowly. */
  readonly volatile: boolean;
}

/** The payload of a message as its client wrote it, which passes on without being written anew. */
export interface Source {
  /** As JSON, without the member of this name. */
  without(name: string): string;
}

let measured: Frame | undefined;
let measuredBytes = 0;

/** How long the text of a frame is in UTF-8; of the one that was asked for last at once, since many are sent the same. */
export function bytesOf(frame: Frame): number {
  if (frame === measured) return measuredBytes;
  measured = frame;
  measuredBytes = Buffer.byteLength(frame.text);
  return measuredBytes;
}

/** What the server stamps on a message beside its payload. */
export interface Stamp {
  /** The sender's `clientId`; absent where no client sent it. */
  readonly from?: string;
  /** The `id` of the message that this answers. */
  readonly replyTo?: string;
}

/** Encodes a message; `ts` is in epoch milliseconds. */
export function encodeFrame<T extends ServerMessageType>(
  type: T,
  payload: ServerPayloads[T],
  ts: number,
  stamp: Stamp = {},
): Frame {
  const message: ServerMessage<T> = { type, ts, ...stamp, payload };
  return { text: JSON.stringify(message), volatile: volatileMessages.has(type) };
}

/** As {@link encodeFrame}, of a payload that is JSON already. */
export function frameOf(
  type: ServerMessageType,
  payload: string,
  ts: number,
  { from }: Required<Pick<Stamp, 'from'>>,
): Frame {
  const text = `{"type":"${type}","ts":${ts},"from":"${from}","payload":${payload}}`;
  return { text, volatile: volatileMessages.has(type) };
}
