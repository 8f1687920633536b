import type { ErrorCode } from '../../generated/errors.ts';

/** One fault in a request or frame: where (a JSON pointer, RFC 6901) and what. */
export interface Fault {
  readonly pointer: string;
  readonly message: string;
}

/** What goes with an error beyond its code and message. */
export interface ErrorDetails {
  readonly errors?: readonly Fault[];
  readonly retryAfterMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An answer that the contract names: REST turns it into a problem body, a socket into an `error` frame. */
export class SignalboxError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'SignalboxError';
    this.code = code;
    this.details = details;
  }
}
