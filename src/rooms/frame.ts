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
