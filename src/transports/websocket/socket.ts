import {
  type ClientMessage,
  type CloseName,
  closeCodes,
  type Departure,
  resume,
  sendQueue,
} from '../../../generated/messages.ts';
import type { Connection, Outlet } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Report } from '../../rooms/events.ts';
import type { Frame } from '../../rooms/frame.ts';
import { Answers } from './answers.ts';
import { Budgets } from './budgets.ts';
import { decode } from './codec.ts';
import type { Dispatch, Dispatched } from './dispatch.ts';
import type { Outbox } from './outbox.ts';
import type { OwnedWebSocket, Owner } from './owned-websocket.ts';
import type { SocketEvent } from './socket-event.ts';

/** What all sockets share. */
export interface SocketParts {
  readonly dispatch: Dispatch;
  /** Hears of each client whose connection has ended: for good, or so that it may come back. */
  readonly leave: (connection: Connection, reason: Departure['reason']) => unknown;
  readonly lose: (connection: Connection, reason: Departure['reason']) => unknown;
  /** Hears of each socket that has closed. */
  readonly forget: (socket: Socket) => void;
  /** Hears of each client that is closed since it went on over its budget. */
  readonly flooded: (connection: Connection) => void;
  /** Multiplies every budget. */
  readonly budgetScale: number;
  readonly report: Report<SocketEvent>;
  /** A clock in milliseconds that nobody sets, for what is silence and what is too much. */
  readonly steadyNow: () => number;
}

/** Close codes with which a client says goodbye, rather than being lost. */
const goodbyes: ReadonlySet<number> = new Set([1000, 1001, 1005]);
/** With these a session outlives its connection. */
const resumable: ReadonlySet<number> = new Set(resume.codes);
/** What the library closes with, by its own name for the fault; everything else is a protocol error. */
const brokenBy: Readonly<Record<string, number>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: closeCodes.too_big,
  WS_ERR_INVALID_UTF8: closeCodes.bad_utf8,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: closeCodes.policy,
};

/**
 * The server's end of one WebSocket: takes messages in order, one at a time, and is the way out to the client.
 */
export class Socket implements Outlet, Owner {
  /** When something was last heard of the client, by the steady clock. */
  lastHeardAt: number;
  readonly #ws: OwnedWebSocket;
  readonly #outbox: Outbox;
  readonly #parts: SocketParts;
  #connection: Connection | undefined;
  /** Messages that came while a handler waits; `undefined` while none does. */
  #waiting: string[] | undefined;
  readonly #answers = new Answers();
  readonly #budgets: Budgets;
  #afterAnswer: { readonly name: CloseName; readonly last: Frame | undefined } | undefined;
  /** The code that the server closed with. */
  #closedWith: number | undefined;
  /** The code that it was over with. */
  #goneWith: number | undefined;
  #isReported = false;

  constructor(ws: OwnedWebSocket, outbox: Outbox, parts: SocketParts) {
    this.#ws = ws;
    this.#outbox = outbox;
    this.#parts = parts;
    this.#budgets = new Budgets(parts.budgetScale);
    this.lastHeardAt = parts.steadyNow();
    ws.own(this);
  }

  /** Has messages wait until it is known whose they are. */
  hold(): void {
    this.#waiting = [];
    this.#ws.pause();
  }

  /** Tells the socket whose it is; messages are taken from now on. `false` if it has closed meanwhile. */
  open(connection: Connection): boolean {
    this.#connection = connection;
    if (this.#goneWith !== undefined) this.closed(this.#goneWith);
    else if (this.#waiting !== undefined) this.#resume();
    return this.#goneWith === undefined;
  }

  send(frame: Frame): void {
    if (!this.#isOpen()) return;
    const { waiting } = this.#outbox;
    if (frame.volatile && waiting > sendQueue.volatileBytes) return;
    if (waiting > sendQueue.maxBytes) return this.close('slow_consumer');
    this.#outbox.add(frame);
  }

  /** How many bytes the client has taken off our hands; while some wait and this stands still, it reads nothing. */
  progress(): { readonly waiting: number; readonly taken: number } {
    return this.#outbox;
  }

  close(name: CloseName, last?: Frame): void {
    if (!this.#isOpen()) return;
    if (last !== undefined) this.send(last);
    this.#closedWith = closeCodes[name];
    this.#waiting = undefined;
    this.#ws.close(closeCodes[name], name);
    // Told here and not when it has closed: the client of a stalled connection never says the code back.
    this.#report(closeCodes[name]);
    this.#ws.resume(); // a client that is made to wait has its half of the closing to say
  }

  finish(name: CloseName, last?: Frame): void {
    this.#afterAnswer = { name, last };
  }

  /** Asks the client for a sign of life. */
  ping(): void {
    if (this.#isOpen()) this.#ws.ping();
  }

  /** The client has given a sign of life. */
  heard(): void {
    this.lastHeardAt = this.#parts.steadyNow();
  }

  /** Takes one message of the client. */
  receive(data: Buffer, isBinary: boolean): void {
    this.heard();
    if (!this.#isOpen()) return;
    if (isBinary) return this.close('binary');
    const text = data.toString();
    if (this.#waiting !== undefined) this.#waiting.push(text);
    else this.#take(text);
  }

  closing(): boolean {
    // What a client has said before its goodbye is answered before ours.
    if (this.#waiting !== undefined && this.#closedWith === undefined) return false;
    this.#outbox.flush();
    return true;
  }

  /** The connection is over; `code` is what the client was told or said, 1006 if it was lost. */
  closed(code: number): void {
    this.#waiting = undefined;
    this.#parts.forget(this);
    const connection = this.#connection;
    this.#goneWith = code;
    if (connection === undefined) return;
    const reason = this.#closedWith ? 'closed' : goodbyes.has(code) ? 'left' : 'disconnected';
    const end = resumable.has(this.#closedWith ?? code) ? this.#parts.lose : this.#parts.leave;
    end(connection, reason);
    if (!this.#isReported) this.#report(code);
  }

  /** The client broke the protocol; the library closes with the code for it. */
  broken({ code }: { readonly code?: string }): void {
    this.#closedWith = brokenBy[code ?? ''] ?? closeCodes.protocol_error;
    this.#report(this.#closedWith);
  }

  #take(text: string): void {
    const connection = this.#connection;
    if (connection === undefined || !this.#isOpen()) return;
    const decoded = decode(text);
    if (decoded.message === undefined) return this.#refuse(decoded.refusal, decoded.id);
    const { message, source } = decoded;
    const dispatched =
      this.#hasAnswer(connection, message) ?? this.#parts.dispatch.run(connection, message, source);
    if (!(dispatched instanceof Promise)) return this.#answer(connection, message, dispatched);
    // Later messages wait for this one, and the client is made to wait for us.
    this.#waiting = [];
    this.#ws.pause();
    void dispatched.then((result) => {
      this.#answer(connection, message, result);
      this.#resume();
    });
  }

  #resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    if (!this.#isOpen()) return;
    this.#ws.resume();
    for (const [index, text] of waiting.entries()) {
      this.#take(text);
      if (this.#waiting !== undefined) {
        this.#waiting = waiting.slice(index + 1);
        return;
      }
    }
    this.#ws.answerGoodbye();
  }

  /** What a message is answered with before its handler sees it: it came before, or is one too many. */
  #hasAnswer(connection: Connection, message: ClientMessage): Dispatched | undefined {
    const { dispatch, flooded, steadyNow } = this.#parts;
    try {
      // Repeats count too: each message costs its reading.
      this.#budgets.take(message, steadyNow());
      const answer = this.#answers.recall(message);
      return answer && { answer };
    } catch (error) {
      if (!(error instanceof SignalboxError)) throw error;
      if (this.#budgets.isFlooded(steadyNow())) {
        flooded(connection);
        this.#afterAnswer = { name: 'rate_limited', last: undefined };
      }
      // Not to be remembered: of either the `id` belongs to another message, or to one still to come.
      return { answer: dispatch.refusal(message.id, error), retryable: true };
    }
  }

  #answer(connection: Connection, message: ClientMessage, { answer, retryable, fault }: Dispatched): void {
    if (answer !== undefined) {
      this.send(answer);
      if (retryable !== true) this.#answers.remember(message, answer);
    }
    if (fault !== undefined) {
      this.#parts.report({ type: 'socket.failed', connection, message, error: fault });
      this.close('internal');
    }
    if (this.#afterAnswer === undefined) return;
    const { name, last } = this.#afterAnswer;
    this.close(name, last);
  }

  #refuse(refusal: SignalboxError, id: string | undefined): void {
    this.send(this.#parts.dispatch.refusal(id, refusal));
    if (this.#budgets.isInvalidOnceTooOften(this.#parts.steadyNow())) this.close('too_many_invalid_messages');
  }

  #report(code: number): void {
    this.#isReported = true;
    if (this.#connection) this.#parts.report({ type: 'socket.closed', connection: this.#connection, code });
  }

  #isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }
}
