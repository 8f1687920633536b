import type { JsonObject } from '../../src/codegen/documents.ts';
import type { ClientFrame } from './client-frames.ts';
import type { DeclaredChannel, SocketContract } from './socket-contract.ts';

/** A message of the client that still has an answer to come. */
interface Asked extends ClientFrame {
  readonly at: number;
  /** Counts the messages of the connection. */
  readonly order: number;
  /** Whether its socket is over, so that the server may have never read it. */
  readonly isLost: boolean;
}

/** Codes that say that the message itself breaks the contract. */
const malformed = new Set(['invalid_message', 'unknown_type']);
/** How long a message may wait without an answer before the end of the connection makes a fault of it. */
const graceMs = 1000;

/** Which messages of one session wait for which answers, and whether the right ones come. */
export class Answers {
  readonly #contract: SocketContract;
  readonly #channel: DeclaredChannel;
  readonly #fault: (fault: string) => void;
  readonly #carriedOut: (frame: ClientFrame) => void;
  #open: Asked[] = [];
  readonly #seenIds = new Set<string>();
  #count = 0;
  #lastAnswered = 0;

  /** @param carriedOut hears of each well-formed message that is answered as it should be and by no error, or by nothing */
  constructor(
    contract: SocketContract,
    channel: DeclaredChannel,
    fault: (fault: string) => void,
    carriedOut: (frame: ClientFrame) => void,
  ) {
    this.#contract = contract;
    this.#channel = channel;
    this.#fault = fault;
    this.#carriedOut = carriedOut;
  }

  /** The client sent a message. */
  ask(frame: ClientFrame, at: number): void {
    this.#count += 1;
    if (frame.id !== undefined) this.#seenIds.add(frame.id);
    this.#open.push({ ...frame, at, order: this.#count, isLost: false });
    const nothingAnswers = this.#channel.replies.get(frame.type)?.length === 0;
    if (frame.expects === 'reply' && nothingAnswers) this.#carriedOut(frame);
  }

  /** The server sent a frame with `replyTo`. Gives the type of the message that it answers, where it does. */
  answer(frame: JsonObject, type: string): string | undefined {
    const id = String(frame.replyTo);
    const candidates = this.#open.filter((one) => one.id === id);
    const asked = candidates.find(({ isLost }) => !isLost) ?? candidates[0];
    if (asked === undefined) {
      this.#fault(
        `${type} answers ${id}, which ${this.#seenIds.has(id) ? 'was answered before' : 'nobody sent'}`,
      );
      return undefined;
    }
    this.#settle(asked);
    const replies = this.#channel.replies.get(asked.type) ?? [];
    const declared =
      asked.expects === 'error' ? ['error'] : asked.expects === 'reply' ? replies : [...replies, 'error'];
    if (!declared.includes(type)) {
      this.#fault(`${type} answers ${asked.type} ${id}, should be ${declared.join(' or ')}`);
    } else if (type === 'error') {
      this.#checkCode(asked, frame);
    } else {
      if (asked.expects === 'reply') this.#carriedOut(asked);
      if (type === 'ack') this.#checkResult(asked, frame);
    }
    return asked.type;
  }

  /** The server sent an `error` without `replyTo`. */
  refuse(code: string): void {
    // What has an id is answered by it, unless the server refused it before it could read that far.
    const candidates = this.#open.filter((one) => one.mayLackId && one.expects !== 'reply');
    if (malformed.has(code)) {
      const asked = candidates.find(({ expects }) => expects === 'error') ?? candidates[0];
      if (asked === undefined) this.#fault(`an error ${code} where every message was well-formed`);
      else this.#settle(asked);
      return;
    }
    const foreign = candidates.find(({ type }) => type !== '' && !this.#channel.client.has(type));
    if (foreign) this.#settle(foreign);
  }

  /** The server sent a frame that only an unaddressed reply can be, such as a pong. */
  reply(type: string, payload: JsonObject): void {
    const asked = this.#open.find(
      (one) =>
        one.id === undefined &&
        this.#channel.replies.get(one.type)?.includes(type) === true &&
        (type !== 'session.pong' || one.payload.t === payload.t),
    );
    if (asked === undefined) {
      this.#fault(`${type} answers nothing that the client sent`);
    } else {
      this.#settle(asked);
      if (asked.expects === 'reply') this.#carriedOut(asked);
    }
  }

  /** The session goes on, on another socket, on which this was sent so far. */
  goOn(later: Answers): void {
    const lost = this.#open.map((asked) => ({ ...asked, isLost: true }));
    const open = later.#open.map((asked) => ({ ...asked, order: asked.order + this.#count }));
    this.#open = [...lost, ...open];
    this.#count += later.#count;
    for (const id of later.#seenIds) this.#seenIds.add(id);
  }

  /** The connection ended; says which messages should have been answered by then. */
  end(endedAt: number): void {
    for (const asked of this.#open) {
      // Without an id only errors come back, and a pong may be dropped.
      const owed = asked.expects === 'error' || (asked.expects === 'reply' && asked.id !== undefined);
      if (!owed || asked.isLost) continue;
      const name = [asked.type || 'a malformed frame', asked.id].filter(Boolean).join(' ');
      if (asked.order < this.#lastAnswered) this.#fault(`${name} was never answered, later messages were`);
      else if (endedAt - asked.at > graceMs) this.#fault(`${name} was never answered`);
    }
  }

  #settle(asked: Asked): void {
    this.#open = this.#open.filter((one) => one !== asked);
    this.#lastAnswered = Math.max(this.#lastAnswered, asked.order);
  }

  #checkCode(asked: Asked, frame: JsonObject): void {
    const { code } = payloadOf(frame);
    if (asked.expects === 'reply' && malformed.has(String(code))) {
      this.#fault(`${asked.type} ${asked.id} is well-formed, yet was refused as ${String(code)}`);
    }
  }

  #checkResult(asked: Asked, frame: JsonObject): void {
    const payload = payloadOf(frame);
    const schema = asked.message?.result;
    if ((schema !== undefined) !== 'result' in payload) {
      this.#fault(`the ack of ${asked.type} ${schema === undefined ? 'has a result' : 'lacks its result'}`);
    } else if (schema !== undefined) {
      const faults = this.#contract.schemas.faults(schema, payload.result);
      if (faults.length > 0) this.#fault(`the result of ${asked.type}: ${faults.join('; ')}`);
    }
  }
}

function payloadOf(frame: JsonObject): JsonObject {
  const { payload } = frame;
  return typeof payload === 'object' && payload !== null && !Array.isArray(payload) ? payload : {};
}
