import {
  type ClientMessage,
  type CloseName,
  type Departure,
  frameLimits,
} from '../../../generated/messages.ts';
import type { SessionParcel } from '../../rooms/carriage.ts';
import type { Connection, Outlet } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Report } from '../../rooms/events.ts';
import type { Frame } from '../../rooms/frame.ts';
import { Answers, type PackedAnswers } from './answers.ts';
import { Budgets } from './budgets.ts';
import { decode } from './codec.ts';
import type { Dispatch, Dispatched } from './dispatch.ts';
import { type PackedReplay, Replay, type ReplayBounds } from './replay.ts';
import type { Receiver, Socket } from './socket.ts';
import type { SocketEvent } from './socket-event.ts';

/** What a parcel holds. */
interface Packed {
  readonly replay: PackedReplay;
  readonly answers: PackedAnswers;
  readonly unsure: readonly [name: string, marks: readonly string[]][];
}

/** What all sessions share. */
export interface SessionParts {
  readonly dispatch: Dispatch;
  /** Hears of each client whose connection has ended: for good, or so that it may come back. */
  readonly leave: (connection: Connection, reason: Departure['reason']) => unknown;
  readonly lose: (connection: Connection, reason: Departure['reason']) => unknown;
  /** Hears of each client that is closed since it went on over its budget. */
  readonly flooded: (connection: Connection) => void;
  /** Multiplies every budget. */
  readonly budgetScale: number;
  /** How much is kept for one that comes back; `undefined`: nobody does. */
  readonly replay: ReplayBounds | undefined;
  readonly report: Report<SocketEvent>;
  /** A clock in milliseconds that nobody sets, for what is too much. */
  readonly steadyNow: () => number;
}

/**
 * What a client has here, over all its sockets: what it was sent and may lack, what it was answered, and how much it may
 * send. It carries the client's messages out, one at a time, and is the way out to it.
 */
export class Session implements Outlet, Receiver {
  readonly #parts: SessionParts;
  readonly #answers = new Answers();
  readonly #budgets: Budgets;
  /** How many more it may be answered that it was before: who is back asks for all that it saw no answer to. */
  #freeRepeats = 0;
  /** `undefined` while the client is away. */
  #socket: Socket | undefined;
  #connection: Connection | undefined;
  /** From the welcome on. */
  #replay: Replay | undefined;
  /** Resolves when the message is answered whose handler waits; `undefined` while none does. */
  #busy: Promise<void> | undefined;
  /** Whether a message is still to be answered. */
  #isAtHand = false;
  #afterAnswer: { readonly name: CloseName; readonly last: Frame | undefined } | undefined;

  /** @param socket `undefined` where the session is still to come from another node */
  constructor(socket: Socket | undefined, parts: SessionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#budgets = new Budgets(parts.budgetScale);
  }

  /** Whose it is; `undefined` until that is known. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  get busy(): Promise<void> | undefined {
    return this.#busy;
  }

  /** Says whose it is; to be called once. */
  begin(connection: Connection): void {
    this.#connection = connection;
  }

  send(frame: Frame): void {
    if (!frame.volatile) this.#replay?.add(frame);
    this.#socket?.send(frame);
  }

  welcome(frame: Frame): void {
    if (this.#parts.replay !== undefined) this.#replay = new Replay(this.#parts.replay);
    this.#socket?.send(frame);
  }

  received(count: number): void {
    if (this.#replay?.trim(count) !== false) return;
    throw new SignalboxError('conflict', `You cannot have ${count} messages: so many were not sent.`);
  }

  close(name: CloseName, last?: Frame): void {
    if (last !== undefined) this.send(last);
    if (this.#socket !== undefined) this.#socket.close(name);
    else this.#replay = undefined; // nobody will ask for it
  }

  finish(name: CloseName, last?: Frame): void {
    if (this.#isAtHand) this.#afterAnswer = { name, last };
    else this.close(name, last); // it was answered that it may have been in vain
  }

  /** Whether a client can go on that has so many of its messages. */
  canResume(received: number): boolean {
    // A client may take its time to answer a close; or the session is about to go to another node.
    if (this.#socket?.isEnding === true || this.#connection?.departing !== undefined) return false;
    return this.#replay?.has(received) === true;
  }

  /** Goes on, on another socket: the welcome, which does not count, and then all that the client lacks. */
  resume(socket: Socket, received: number, welcome: Frame): void {
    const before = this.#socket;
    this.#socket = socket;
    this.#freeRepeats = frameLimits.maxRememberedAnswers;
    socket.send(welcome);
    for (const frame of this.#replay?.return(received) ?? []) socket.send(frame);
    before?.close('replaced');
  }

  /** Has the socket close that its client may still have here, once no handler waits; says whether it can go on elsewhere. */
  async detach(received: number): Promise<boolean> {
    while (this.#busy !== undefined) await this.#busy;
    if (!this.canResume(received)) return false;
    const socket = this.#socket;
    if (socket === undefined) return true;
    this.end(socket, 'disconnected', true);
    socket.close('replaced');
    return true;
  }

  /** All that it is, as JSON, for a client that has so many of its messages; `undefined` where that cannot go on. */
  pack(received: number): SessionParcel | undefined {
    if (this.#replay?.has(received) !== true) return undefined;
    const unsure = [...(this.#connection?.unsure ?? [])];
    return { replay: this.#replay.pack(received), answers: this.#answers.pack(), unsure };
  }

  /** Keeps what it is sent from now on, until the rest of it comes. */
  await(): this {
    if (this.#parts.replay === undefined) return this;
    this.#replay = new Replay(this.#parts.replay);
    this.#replay.leave();
    return this;
  }

  /** The rest of it has come, and was before; `false` where its client cannot go on. */
  unpack(connection: Connection, parcel: SessionParcel): boolean {
    const { replay, answers, unsure } = parcel as unknown as Packed;
    if (this.#replay?.has(1) !== true || this.#parts.replay === undefined) return false;
    this.#replay = Replay.unpack(this.#parts.replay, replay, this.#replay.return(1));
    this.#answers.unpack(answers);
    if (unsure.length > 0) connection.unsure = new Map(unsure);
    this.#connection = connection;
    return true;
  }

  end(socket: Socket, reason: Departure['reason'], mayComeBack: boolean): void {
    // Nothing follows where another one has taken its place.
    if (socket !== this.#socket || this.#connection === undefined) return;
    this.#socket = undefined;
    if (mayComeBack) this.#replay?.leave();
    else this.#replay = undefined;
    const { lose, leave } = this.#parts;
    (mayComeBack ? lose : leave)(this.#connection, reason);
  }

  take(text: string): Promise<void> | undefined {
    const connection = this.#connection;
    if (connection === undefined) return undefined;
    const decoded = decode(text);
    if (decoded.message === undefined) {
      this.#refuse(decoded.refusal, decoded.id);
      return undefined;
    }
    const { message, source } = decoded;
    this.#isAtHand = true;
    const dispatched =
      this.#hasAnswer(connection, message) ?? this.#parts.dispatch.run(connection, message, source);
    if (!(dispatched instanceof Promise)) {
      this.#answer(connection, message, dispatched);
      return undefined;
    }
    this.#busy = dispatched.then((result) => {
      this.#busy = undefined;
      this.#answer(connection, message, result);
    });
    return this.#busy;
  }

  /** What a message is answered with before its handler sees it: it came before, or is one too many. */
  #hasAnswer(connection: Connection, message: ClientMessage): Dispatched | undefined {
    const { dispatch, flooded, steadyNow } = this.#parts;
    try {
      if (this.#freeRepeats > 0 && this.#answers.has(message)) this.#freeRepeats -= 1;
      // Other repeats count too: each message costs its reading.
      else this.#budgets.take(message, steadyNow());
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
    this.#isAtHand = false;
    if (answer !== undefined) {
      this.send(answer);
      if (retryable !== true) this.#answers.remember(message, answer);
    }
    if (fault !== undefined) {
      this.#parts.report({ type: 'socket.failed', connection, message, error: fault });
      this.close('internal');
      if (this.#socket === undefined) this.#parts.leave(connection, 'closed'); // else with the socket
    }
    if (this.#afterAnswer === undefined) return;
    const { name, last } = this.#afterAnswer;
    this.#afterAnswer = undefined; // it may come back
    this.close(name, last);
  }

  #refuse(refusal: SignalboxError, id: string | undefined): void {
    this.send(this.#parts.dispatch.refusal(id, refusal));
    if (this.#budgets.isInvalidOnceTooOften(this.#parts.steadyNow())) this.close('too_many_invalid_messages');
  }
}
