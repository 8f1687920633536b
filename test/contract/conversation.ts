import { isUtf8 } from 'node:buffer';
import { isObject, type JsonObject, objectAt } from '../../src/codegen/documents.ts';
import type { ObservedFrame } from '../support/websocket-stream.ts';
import type { Side } from '../support/wire.ts';
import { Answers } from './answers.ts';
import { readClientFrame } from './client-frames.ts';
import { Continuity, type SessionRecord, type Wanted } from './continuity.ts';
import { closeFact, codeFact, type Fact, messageFact, transcriptFact } from './facts.ts';
import type { DeclaredChannel, SocketContract } from './socket-contract.ts';

/** After these nothing follows but the close, with a code of one of these names. */
const lastWords = new Map([
  ['session.kicked', ['kicked', 'banned']],
  ['room.closed', ['room_closed']],
  ['admission.denied', ['admission_denied']],
  ['session.leave', ['normal']],
]);
/** Close codes that come only after the frame that says why. */
const announced = new Set(['kicked', 'banned', 'room_closed', 'admission_denied']);
/** What a client may receive while it waits to be let in: nothing of the room. */
const whileWaiting =
  /^(admission\.\w+|session\.(pong|token\w+|kicked|draining)|ack|error|notice|room\.closed)$/;
/** How long the server may take for its first frame. */
const graceMs = 1000;

/** What a conversation tells: what is wrong, and what adds to the coverage. */
export interface Findings {
  fault(fault: string): void;
  fact(fact: Fact): void;
}

/** Judges everything that travels on one open WebSocket by the AsyncAPI document. */
export class Conversation {
  readonly #contract: SocketContract;
  readonly #channel: DeclaredChannel;
  readonly #findings: Findings;
  #answers: Answers;
  readonly #continuity: Continuity;
  readonly #now: () => number;
  readonly #openedAt: number;
  #welcomed = false;
  #silent = true;
  /** The message that the close alone may follow. */
  #last: string | undefined;
  #closed: { [side in Side]?: number } = {};
  #endingAt: number | undefined;
  #endedBy: Side | undefined;
  #clientLost = false;

  /** @param sessions those that may go on, by their tokens: to be shared by all conversations */
  constructor(
    contract: SocketContract,
    channel: DeclaredChannel,
    findings: Findings,
    now: () => number,
    sessions: Map<string, SessionRecord>,
    wanted: Wanted | undefined,
  ) {
    this.#contract = contract;
    this.#channel = channel;
    this.#findings = findings;
    const fault = (text: string): void => {
      // Where the client's bytes can no longer be read, nobody knows what the server answers.
      if (!this.#clientLost) findings.fault(text);
    };
    this.#continuity = new Continuity(sessions, wanted, fault);
    this.#answers = new Answers(contract, channel, fault, ({ message, frame }) => {
      if (message) findings.fact(transcriptFact(message.key, { channel: channel.name, frame }));
    });
    this.#now = now;
    this.#openedAt = now();
  }

  /** A frame of either side. */
  frame(from: Side, frame: ObservedFrame): void {
    if (frame.kind === 'close') this.#close(from, frame.code);
    else if (frame.kind !== 'message') return;
    else if (from === 'client') this.#clientMessage(frame.binary, frame.data);
    else this.#serverMessage(frame.binary, frame.data);
  }

  /** What the client sends can no longer be read. */
  lose(): void {
    this.#clientLost = true;
  }

  /** The first side ended the TCP connection. */
  ending(by: Side): void {
    this.#endedBy ??= by;
    this.#endingAt ??= this.#now();
  }

  /** The TCP connection is over. Where it stalled, answers may have been under way unseen. */
  ended(stalled: boolean): void {
    if (stalled) return;
    const endedAt = this.#endingAt ?? this.#now();
    // What is asked on a socket of its own is for that one to judge.
    if (this.#continuity.isLatest) this.#answers.end(endedAt);
    if (this.#silent && endedAt - this.#openedAt > graceMs)
      this.#findings.fault('no frame came from the server');
    const closed = this.#closed.server !== undefined || this.#closed.client !== undefined;
    if (this.#last !== undefined && !closed && this.#endedBy === 'server') {
      this.#findings.fault(`no close followed ${this.#last}`);
    }
  }

  #clientMessage(binary: boolean, data: Buffer): void {
    // What comes after the end is not for the server to read, nor what it must close the socket for.
    const closing = this.#closed.server !== undefined || this.#closed.client !== undefined;
    if (closing || this.#last !== undefined) return;
    if (binary || !isUtf8(data) || data.length > this.#contract.limits.maxBytes) return;
    const frame = readClientFrame(this.#contract, this.#channel, data.toString('utf8'));
    if (frame.message && frame.expects === 'reply') this.#findings.fact(messageFact(frame.message.key));
    this.#answers.ask(frame, this.#now());
  }

  #serverMessage(binary: boolean, data: Buffer): void {
    const isFirst = this.#silent;
    this.#silent = false;
    const text = binary || !isUtf8(data) ? undefined : data.toString('utf8');
    const frame = text === undefined ? undefined : parsed(text);
    if (text === undefined || frame === undefined) {
      this.#findings.fault(`not a JSON object in UTF-8 from the server: ${short(data.toString('utf8'))}`);
      return;
    }
    const type = String(frame.type);
    if (this.#closed.server !== undefined) this.#findings.fault(`${type} after the server's close`);
    else if (this.#last !== undefined) this.#findings.fault(`${type} after ${this.#last}`);
    this.#checkWelcome(type, isFirst, objectAt(frame, 'payload'));
    const message = this.#channel.server.get(type);
    if (message === undefined) {
      this.#findings.fault(`${type}: undeclared on ${this.#channel.name}: ${short(text)}`);
      return;
    }
    const faults = this.#contract.schemas.faults(message.frame, frame);
    if (faults.length > 0) this.#findings.fault(`${type}: ${faults.join('; ')}: ${short(text)}`);
    else this.#sawMessage(message.key, frame);
    if (type === 'error') this.#checkError(objectAt(frame, 'payload'));
    if (!this.#continuity.wasSeen(message, text)) this.#checkAnswer(frame, type);
    if (lastWords.has(type)) this.#last = type;
  }

  #sawMessage(key: string, frame: JsonObject): void {
    this.#findings.fact(messageFact(key));
    this.#findings.fact(transcriptFact(key, { channel: this.#channel.name, frame }));
  }

  #checkWelcome(type: string, isFirst: boolean, payload: JsonObject): void {
    const mayCome = this.#welcomed || (isFirst ? type === 'admission.waiting' : whileWaiting.test(type));
    if (type !== 'session.welcome') {
      if (!mayCome) this.#findings.fault(`${type} before session.welcome`);
      if (this.#welcomed && type.startsWith('admission.'))
        this.#findings.fault(`${type} after session.welcome`);
      return;
    }
    if (this.#welcomed) this.#findings.fault('a second session.welcome');
    this.#welcomed = true;
    if (payload.resumed !== true) this.#continuity.begin(payload, this.#answers);
    else if (!isFirst) this.#findings.fault('a session was resumed that had begun');
    else this.#answers = this.#continuity.goOn(payload, this.#answers);
  }

  #checkAnswer(frame: JsonObject, type: string): void {
    if (frame.replyTo !== undefined) {
      const asked = this.#answers.answer(frame, type);
      if (asked === 'session.leave' && type === 'ack') this.#last = asked;
    } else if (type === 'error') {
      this.#answers.refuse(String(objectAt(frame, 'payload').code));
    } else if (!this.#channel.events.has(type)) {
      this.#answers.reply(type, objectAt(frame, 'payload'));
    }
  }

  #checkError({ code, retryable }: JsonObject): void {
    const declared = this.#contract.errors.get(String(code));
    if (!declared?.socket) {
      this.#findings.fault(`error code ${String(code)} does not belong on sockets`);
    } else if (declared.retryable !== retryable) {
      this.#findings.fault(`error ${String(code)}: retryable is ${String(retryable)}`);
    } else {
      this.#findings.fact(codeFact(String(code), 'sockets'));
    }
  }

  #close(from: Side, code: number): void {
    const other = this.#closed[from === 'client' ? 'server' : 'client'];
    if (this.#closed[from] !== undefined && from === 'server') this.#findings.fault('a second close frame');
    this.#closed[from] ??= code;
    this.#endingAt ??= this.#now();
    if (from === 'client' || code === other) return; // an echo says nothing of its own
    if (!this.#contract.resumable.has(code)) this.#continuity.end();
    const name = this.#contract.closeCodes.get(code);
    const due = lastWords.get(this.#last ?? '');
    if (name === undefined) this.#findings.fault(`undeclared close code ${code}`);
    else if (due !== undefined && !due.includes(name))
      this.#findings.fault(`close ${code} after ${this.#last}`);
    else if (due === undefined && announced.has(name)) this.#findings.fault(`close ${code} unannounced`);
    else this.#findings.fact(closeFact(code, name));
  }
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function short(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
