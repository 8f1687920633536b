import type { AdmissionDenied, ErrorPayload, RoomClosed, SessionKicked } from '../../generated/messages.ts';

/** The server refused a message; nothing of it happened, unless the code is `degraded`, where it may have. */
export class Refused extends Error {
  override readonly name = 'Refused';
  /** What went wrong, for programs. */
  readonly code: ErrorPayload['code'];
  /** Whether the same message may succeed later. */
  readonly retryable: boolean;
  /** How long to wait until then, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** Where the message breaks the contract. */
  readonly errors: NonNullable<ErrorPayload['errors']>;

  constructor({ code, message, retryable, retryAfterMs, errors = [] }: ErrorPayload) {
    super(message);
    this.code = code;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
    this.errors = errors;
  }
}

/** The connection is over, or never came about. */
export class ConnectionClosed extends Error {
  override readonly name = 'ConnectionClosed';
  /** The close code; 4500 and above: do not come back. 1006 is also what a refused upgrade looks like. */
  readonly closeCode: number;
  /** What the server said last, where it said why: `reason`, `by`, `banUntil`. */
  readonly because: AdmissionDenied | RoomClosed | SessionKicked | undefined;

  constructor(closeCode: number, reason: string, because?: ConnectionClosed['because']) {
    super(`the connection closed with ${closeCode}${reason && ` (${reason})`}`);
    this.closeCode = closeCode;
    this.because = because;
  }
}

/** The message has not left: it was certainly not carried out, and may be sent again. */
export class NotSent extends Error {
  override readonly name = 'NotSent';
}

/**
 * The session could not be resumed before the answer came: the message may or may not have been carried out. It is not
 * sent again by itself, since then it might be carried out twice.
 */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
}
