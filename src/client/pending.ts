import {
  type ClientMessageType,
  clientMessages,
  frameLimits,
  type ServerMessage,
} from '../../generated/messages.ts';
import { NotSent, Refused, Unanswered } from './errors.ts';

interface Waiting {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Unsettled extends Waiting {
  readonly frame: object;
  isSent: boolean;
}

/** How long a pong may take. It is the one answer that may be dropped, since it may be late to be of use. */
const pongTimeoutMs = 10_000;
/**
 * How many may be sent and not answered: as many answers as the server remembers. So of each that is sent again it knows
 * whether it was carried out, even where all answers were lost.
 */
const maxInFlight = frameLimits.maxRememberedAnswers;
/** How many more may wait to be sent, as while the connection is lost. */
const maxQueued = 1_024;

/** The messages that are not answered yet, in the order in which they were said: they outlive the socket. */
export class Pending {
  readonly #byId = new Map<string, Unsettled>();
  /** Pings take no id; a pong brings the `t` of its ping back. Several may have the same, and come back in order. */
  readonly #pings = new Map<number, Waiting[]>();
  #lastId = 0;
  #inFlight = 0;
  /** The way to the server, while there is one. */
  #write: ((frame: object) => void) | undefined;

  /**
   * Sends a message, now or as soon as there is a way; resolves with its answer.
   *
   * Without a way, what may be dropped is: a ping is {@link NotSent}, and of what has no answer nobody hears.
   */
  send(type: ClientMessageType, payload: object): Promise<unknown> {
    const { reply, alwaysReplies } = clientMessages[type];
    if (reply === undefined) {
      this.#write?.({ type, payload });
      return Promise.resolve();
    }
    if (alwaysReplies) return this.#ping(type, payload, Number(Reflect.get(payload, 't')));
    if (this.#byId.size - this.#inFlight >= maxQueued) {
      return Promise.reject(new NotSent(`${maxQueued} messages wait already`));
    }
    this.#lastId += 1;
    const id = `m${this.#lastId}`;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#byId.set(id, { frame: { type, id, payload }, resolve, reject, isSent: false });
    this.#sendNext();
    return promise;
  }

  /** There is a way: what was sent and not answered goes again under its `id`, and then what has waited. */
  open(write: (frame: object) => void): void {
    this.#write = write;
    for (const { frame, isSent } of this.#byId.values()) if (isSent) write(frame);
    this.#sendNext();
  }

  /** The way is gone; all that is not answered is kept. */
  pause(): void {
    this.#write = undefined;
  }

  /** Settles what a message of the server answers, if it answers anything. `false`: it had been answered before. */
  settle(message: ServerMessage): boolean {
    if (message.type === 'session.pong')
      this.#pings.get(message.payload.t)?.shift()?.resolve(message.payload);
    if (message.replyTo === undefined) return true;
    const unsettled = this.#byId.get(message.replyTo);
    if (unsettled === undefined) return false;
    this.#byId.delete(message.replyTo);
    this.#inFlight -= 1;
    if (message.type === 'error') unsettled.reject(new Refused(message.payload));
    else unsettled.resolve(message.type === 'ack' ? message.payload.result : message.payload);
    this.#sendNext();
    return true;
  }

  /** The session is gone: what was said in it is not said in another one. */
  restart(): void {
    const gone = [...this.#byId.values()];
    this.#byId.clear();
    this.#inFlight = 0;
    for (const { reject, isSent } of gone) {
      if (isSent) reject(new Unanswered('the session ended before the answer came'));
      else reject(new NotSent('the session ended before the message was sent'));
    }
  }

  /** The connection is over: nothing more is answered. */
  fail(error: Error): void {
    this.#write = undefined;
    for (const { reject } of [...this.#byId.values(), ...[...this.#pings.values()].flat()]) reject(error);
    this.#byId.clear();
    this.#inFlight = 0;
    this.#pings.clear();
  }

  #sendNext(): void {
    if (this.#write === undefined || this.#inFlight === this.#byId.size) return;
    for (const unsettled of this.#byId.values()) {
      if (this.#inFlight === maxInFlight) return;
      if (unsettled.isSent) continue;
      unsettled.isSent = true;
      this.#inFlight += 1;
      this.#write(unsettled.frame);
    }
  }

  #ping(type: ClientMessageType, payload: object, t: number): Promise<unknown> {
    if (this.#write === undefined) return Promise.reject(new NotSent('not connected'));
    this.#write({ type, payload });
    const { promise, ...waiting } = Promise.withResolvers<unknown>();
    const sameTime = this.#pings.get(t) ?? [];
    this.#pings.set(t, sameTime);
    sameTime.push(waiting);
    const timer = setTimeout(() => waiting.reject(new Error('no pong came in time')), pongTimeoutMs);
    const forget = () => {
      clearTimeout(timer);
      const others = sameTime.filter((one) => one !== waiting);
      sameTime.splice(0, sameTime.length, ...others);
      if (others.length === 0 && this.#pings.get(t) === sameTime) this.#pings.delete(t);
    };
    return promise.finally(forget);
  }
}
