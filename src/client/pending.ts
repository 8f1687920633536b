import { type ClientMessageType, clientMessages, type ServerMessage } from '../../generated/messages.ts';
import { Refused } from './errors.ts';

interface Waiting {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** How long a pong may take. It is the one answer that may be dropped, since it may be late to be of use. */
const pongTimeoutMs = 10_000;

/** The messages that were sent and not answered yet. */
export class Pending {
  readonly #byId = new Map<string, Waiting>();
  /** Pings take no id; a pong brings the `t` of its ping back. Several may have the same, and come back in order. */
  readonly #pings = new Map<number, Waiting[]>();
  #lastId = 0;

  /** A message as it is to be sent, and its answer. */
  add(
    type: ClientMessageType,
    payload: object,
  ): { readonly frame: object; readonly answer: Promise<unknown> } {
    const { reply, alwaysReplies } = clientMessages[type];
    if (reply === undefined) return { frame: { type, payload }, answer: Promise.resolve() };
    if (alwaysReplies)
      return { frame: { type, payload }, answer: this.#ping(Number(Reflect.get(payload, 't'))) };
    this.#lastId += 1;
    const id = `m${this.#lastId}`;
    const { promise, ...waiting } = Promise.withResolvers<unknown>();
    this.#byId.set(id, waiting);
    return { frame: { type, id, payload }, answer: promise };
  }

  /** Settles what a message of the server answers, if it answers anything. */
  settle(message: ServerMessage): void {
    if (message.type === 'session.pong') {
      this.#pings.get(message.payload.t)?.shift()?.resolve(message.payload);
      return;
    }
    const waiting = message.replyTo === undefined ? undefined : this.#byId.get(message.replyTo);
    if (message.replyTo === undefined || waiting === undefined) return;
    this.#byId.delete(message.replyTo);
    if (message.type === 'error') waiting.reject(new Refused(message.payload));
    else waiting.resolve(message.type === 'ack' ? message.payload.result : message.payload);
  }

  /** The connection is over: nothing more is answered. */
  fail(error: Error): void {
    for (const { reject } of [...this.#byId.values(), ...[...this.#pings.values()].flat()]) reject(error);
    this.#byId.clear();
    this.#pings.clear();
  }

  #ping(t: number): Promise<unknown> {
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
