import { expect, test } from 'vitest';
import { type JsonObject, objectAt } from '../../src/codegen/documents.ts';
import type { Side } from '../support/wire.ts';
import { readGenerated } from './checker.ts';
import type { SessionRecord } from './continuity.ts';
import { Conversation } from './conversation.ts';
import type { Fact } from './facts.ts';
import { sampleFrame } from './samples.ts';
import { SocketContract } from './socket-contract.ts';

/** The AsyncAPI document, read once for all tests of the checker. */
export const sockets = new SocketContract(readGenerated('asyncapi'));

const { resumeToken: sampleToken = '' } = objectAt(sampleFrame('server.session.welcome'), 'payload');

/** Fields that differ from the example; `undefined` takes one away. */
type Change = Readonly<Record<string, unknown>>;

/** A conversation made up by a test, on a clock of its own, with what the checker says to it. */
export class Talk {
  readonly faults: string[] = [];
  readonly facts: Fact[] = [];
  readonly #sessions: Map<string, SessionRecord>;
  #nowMs = 0;
  readonly #conversation: Conversation;

  /** @param before a conversation of the session that this one asks to go on with */
  constructor(channel = 'zoom', before?: Talk, received = 1) {
    this.#sessions = before ? before.#sessions : new Map();
    const declared = sockets.channelAt(`/ws/${channel}/ABC123?token=x`);
    if (!declared) throw new Error(`no channel ${channel}`);
    const findings = {
      fault: (fault: string) => void this.faults.push(fault),
      fact: (fact: Fact) => void this.facts.push(fact),
    };
    const wanted = before && { resumeToken: String(sampleToken), received };
    this.#conversation = new Conversation(
      ...([sockets, declared, findings, () => this.#nowMs, this.#sessions, wanted] as const),
    );
  }

  /** The server sends the example of a message, changed or not; or text or bytes as they are. */
  server(message: string | Buffer, change: Change = {}): this {
    return this.#send('server', message, change);
  }

  /** The client sends the example of a message, changed or not; or text or bytes as they are. */
  client(message: string | Buffer, change: Change = {}): this {
    return this.#send('client', message, change);
  }

  /** The server acknowledges. */
  ack(replyTo: string, payload: Change = {}): this {
    return this.server('ack', { replyTo, payload });
  }

  /** The server refuses, by an id or without one. */
  error(code: string, replyTo?: string, retryable = false): this {
    return this.server('error', { replyTo, payload: { code, message: 'No.', retryable } });
  }

  close(from: Side, code: number): this {
    this.#conversation.frame(from, { kind: 'close', code, reason: Buffer.alloc(0) });
    return this;
  }

  /** A ping or a pong, with a payload that is no message. */
  control(from: Side, kind: 'ping' | 'pong'): this {
    this.#conversation.frame(from, { kind, data: Buffer.from('x') });
    return this;
  }

  wait(ms: number): this {
    this.#nowMs += ms;
    return this;
  }

  /** What the client sends can no longer be read. */
  lose(): this {
    this.#conversation.lose();
    return this;
  }

  /** The TCP connection ends; `stalled` with answers on their way. */
  end(by: Side = 'client', stalled = false): this {
    this.#conversation.ending(by);
    this.#conversation.ended(stalled);
    return this;
  }

  #send(from: Side, message: string | Buffer, change: Change): this {
    const isKey = typeof message === 'string' && /^[a-z]/.test(message);
    const sent: string | Buffer | JsonObject = isKey ? sampleFrame(`${from}.${message}`, change) : message;
    const data = Buffer.isBuffer(sent)
      ? sent
      : Buffer.from(typeof sent === 'string' ? sent : JSON.stringify(sent));
    this.#conversation.frame(from, { kind: 'message', binary: Buffer.isBuffer(sent), data });
    return this;
  }
}

/** A conversation that has begun as it should. */
export function welcomed(channel?: string): Talk {
  return new Talk(channel).server('session.welcome');
}

/** One that goes on with the session of another, whose client says that it has so many messages. */
export function resumed(before: Talk, received: number, change: Change = {}): Talk {
  const payload = { ...objectAt(sampleFrame('server.session.welcome'), 'payload'), resumed: true, ...change };
  return new Talk('zoom', before, received).server('session.welcome', { payload });
}

/** A test that the checker finds nothing wrong with a conversation. */
export function accepts(what: string, talk: () => Talk): void {
  test(`accepts ${what}`, () => {
    expect(talk().faults).toEqual([]);
  });
}

/** A test that the checker finds one thing wrong with a conversation, and nothing else. */
export function finds(what: string, fault: RegExp, talk: () => Talk): void {
  test(`finds ${what}`, () => {
    expect(talk().faults).toEqual([expect.stringMatching(fault)]);
  });
}
