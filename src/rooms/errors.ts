import type { ErrorCode } from '../../generated/errors.ts';

/** One fault in a request or frame: where (a JSON pointer, RFC 6901) and what. */
export interface Fault {
  readonly pointer: string;
  readonly message: string;
}

/** The rate limit block that refused a request. */
export interface Block {
  /** The name of the policy. */
  readonly policy: string;
  readonly level: number;
  /** When it ends, as RFC 3339 writes it. */
  readonly blockedUntil: string;
}

/** What goes with an error beyond its code and message. */
export interface ErrorDetails {
  /** Where the request or frame breaks the contract. */
  readonly errors?: readonly Fault[];
  /** How long to wait until the same request can succeed. */
  readonly retryAfterMs?: number;
  readonly block?: Block;
  /** When the ban ends that keeps the user out, as RFC 3339 writes it. */
  readonly bannedUntil?: string;
  /** Headers that the contract gives to this answer on REST. */
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
