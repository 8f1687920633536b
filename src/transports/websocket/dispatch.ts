import { errors } from '../../../generated/errors.ts';
import {
  type ClientMessage,
  type ClientMessageType,
  clientMessages,
  type MessageHandlers,
  type Role,
  type ServerPayloads,
} from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import { encodeFrame, type Frame, type Source } from '../../rooms/frame.ts';

/** What came of a message: the frame that answers it, if any, and the fault of ours that kept it from being carried out. */
export interface Dispatched {
  readonly answer: Frame | undefined;
  /** Whether the same message may succeed later, so that its answer is not for ever. */
  readonly retryable?: boolean;
  readonly fault?: unknown;
}

/** Carries messages to their handlers, and what these return back. */
export class Dispatch {
  readonly #handlers: MessageHandlers<Connection, Source>;
  readonly #roleOf: (sender: Connection) => Role;
  readonly #now: () => number;

  constructor(
    handlers: MessageHandlers<Connection, Source>,
    roleOf: (sender: Connection) => Role,
    now: () => number,
  ) {
    this.#handlers = handlers;
    this.#roleOf = roleOf;
    this.#now = now;
  }

  /** Carries one message out; a promise only where its handler waits for something. Never throws or rejects. */
  run(sender: Connection, message: ClientMessage, source: Source): Dispatched | Promise<Dispatched> {
    try {
      const { channels, roles } = clientMessages[message.type];
      if (!channels.includes(sender.channel)) {
        throw new SignalboxError('not_allowed', `The channel ${sender.channel} has no ${message.type}.`);
      }
      const role = this.#roleOf(sender);
      if (!roles.includes(role)) {
        throw new SignalboxError('not_allowed', `A ${role} client may not send ${message.type}.`);
      }
      const reply = call(this.#handlers, sender, message, source);
      if (!(reply instanceof Promise)) return this.#answered(message, reply);
      return reply.then(
        (value) => this.#answered(message, value),
        (error) => this.#refused(message.id, error),
      );
    } catch (error) {
      return this.#refused(message.id, error);
    }
  }

  /** The `error` frame that answers a message. */
  refusal(id: string | undefined, { code, message, details }: SignalboxError): Frame {
    const payload: ServerPayloads['error'] = {
      code,
      message,
      retryable: errors[code].retryable,
      ...(details.retryAfterMs !== undefined && { retryAfterMs: details.retryAfterMs }),
      ...(details.errors && { errors: [...details.errors] }),
    };
    return encodeFrame('error', payload, this.#now(), id === undefined ? {} : { replyTo: id });
  }

  #answered({ type, id }: ClientMessage, reply: unknown): Dispatched {
    const { reply: replyType, alwaysReplies } = clientMessages[type];
    if (replyType === undefined || (id === undefined && !alwaysReplies)) return { answer: undefined };
    // The handler's type ties `reply` to the reply that the contract names for this message.
    const payload = replyType === 'ack' ? (reply === undefined ? {} : { result: reply }) : reply;
    const stamp = id === undefined ? {} : { replyTo: id };
    return {
      answer: encodeFrame(replyType, payload as ServerPayloads[typeof replyType], this.#now(), stamp),
    };
  }

  #refused(id: string | undefined, error: unknown): Dispatched {
    if (error instanceof SignalboxError) {
      return { answer: this.refusal(id, error), retryable: errors[error.code].retryable };
    }
    const internal = new SignalboxError('internal', 'The server failed to carry the message out.');
    return { answer: this.refusal(id, internal), fault: error };
  }
}

function call<T extends ClientMessageType>(
  handlers: MessageHandlers<Connection, Source>,
  sender: Connection,
  message: ClientMessage<T>,
  source: Source,
): ReturnType<MessageHandlers<Connection, Source>[T]> | unknown {
  return handlers[message.type](sender, message.payload, source);
}
