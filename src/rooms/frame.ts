import type { ServerMessage, ServerMessageType, ServerPayloads } from '../../generated/messages.ts';

/** A message as it goes on the wire: encoded once, and shared by all who receive it. */
export type Frame = Buffer;

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
  return Buffer.from(JSON.stringify(message));
}
