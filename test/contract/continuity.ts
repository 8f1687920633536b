import { isObject, type JsonObject } from '../../src/codegen/documents.ts';
import type { Answers } from './answers.ts';
import type { DeclaredMessage } from './socket-contract.ts';

/** How many frames of a session are remembered as they were; more than any test has replayed. */
const maxTexts = 2000;

/** What an upgrade asked to go on with. */
export interface Wanted {
  readonly resumeToken: string;
  readonly received: number;
}

/** What the checker knows of one session, over all its sockets. */
export class SessionRecord {
  readonly clientId: string;
  readonly answers: Answers;
  /** The conversation that has gone on with it last. */
  latest: Continuity | undefined;
  /** Whether it ended so that nothing of it may go on. */
  isOver = false;
  /** The reliable frames that were seen on some socket, by their count. */
  readonly #texts = new Map<number, string>();
  #lastSeen = 0;

  constructor(clientId: string, answers: Answers) {
    this.clientId = clientId;
    this.answers = answers;
  }

  /** Takes the frame with this count, which may have come before; says what is wrong with it. */
  take(count: number, text: string): string | undefined {
    const before = this.#texts.get(count);
    if (before !== undefined && before !== text)
      return `message ${count} of the session was another one before`;
    this.#texts.set(count, text);
    this.#texts.delete(count - maxTexts);
    this.#lastSeen = Math.max(this.#lastSeen, count);
    return undefined;
  }

  /** Whether a client may have so many frames. */
  mayHave(received: number): boolean {
    return received >= 1 && received <= this.#lastSeen;
  }

  /** Whether the frame with this count was on the wire before. */
  hasSeen(count: number): boolean {
    return count <= this.#lastSeen;
  }
}

/** What an upgrade to this target asks to go on with. */
export function wantedOf(target: string): Wanted | undefined {
  const query = new URLSearchParams(target.split('?')[1] ?? '');
  const resumeToken = query.get('resume');
  return resumeToken === null ? undefined : { resumeToken, received: Number(query.get('received')) };
}

/** Judges whether a conversation goes on with a session as it should, or begins with nothing of another one. */
export class Continuity {
  readonly #sessions: Map<string, SessionRecord>;
  readonly #wanted: Wanted | undefined;
  readonly #fault: (fault: string) => void;
  #session: SessionRecord | undefined;
  /** How many frames of the session have come that count. */
  #count = 0;

  /** @param sessions those that may go on, by their tokens: to be shared by all conversations */
  constructor(
    sessions: Map<string, SessionRecord>,
    wanted: Wanted | undefined,
    fault: (fault: string) => void,
  ) {
    this.#sessions = sessions;
    this.#wanted = wanted;
    this.#fault = fault;
  }

  /** Whether no other one has gone on with the session. */
  get isLatest(): boolean {
    return this.#session === undefined || this.#session.latest === this;
  }

  /** A welcome that begins a session. */
  begin({ resumeToken, resumeWindowMs, self }: JsonObject, answers: Answers): void {
    const { clientId } = isObject(self) ? self : {};
    const former = this.#sessions.get(this.#wanted?.resumeToken ?? '');
    if (former !== undefined) {
      if (former.clientId === clientId) this.#fault('a fresh start with the clientId of before');
      if (this.#wanted?.resumeToken === resumeToken) this.#fault('a fresh start with the token of before');
    }
    if (resumeWindowMs === 0) return; // it never goes on
    this.#session = new SessionRecord(String(clientId), answers);
    this.#session.latest = this;
    this.#sessions.set(String(resumeToken), this.#session);
    this.#count = 1;
    this.#session.take(1, '');
  }

  /** A welcome that goes on with a session; gives the answers that are due in it. */
  goOn({ resumeToken, self }: JsonObject, answers: Answers): Answers {
    const { clientId } = isObject(self) ? self : {};
    const session = this.#sessions.get(String(resumeToken));
    if (this.#wanted === undefined) this.#fault('a session was resumed that nobody asked for');
    else if (this.#wanted.resumeToken !== resumeToken) this.#fault('another session was resumed');
    if (session === undefined || this.#wanted === undefined) return answers; // it began where nobody saw it
    const { received } = this.#wanted;
    if (session.clientId !== clientId) this.#fault('a session was resumed with another clientId');
    if (session.isOver) this.#fault('a session was resumed that had ended');
    if (!session.mayHave(received)) {
      this.#fault(`a session was resumed whose client cannot have ${received} messages`);
    }
    session.answers.goOn(answers);
    session.latest = this;
    this.#session = session;
    this.#count = received;
    return session.answers;
  }

  /** Counts a frame, as the client does; says whether it was seen before, on another socket. */
  wasSeen({ type, volatile }: DeclaredMessage, text: string): boolean {
    if (this.#session === undefined || volatile || type === 'session.welcome') return false;
    this.#count += 1;
    const wasSeen = this.#session.hasSeen(this.#count);
    const fault = this.#session.take(this.#count, text);
    if (fault !== undefined) this.#fault(`${type}: ${fault}`);
    return wasSeen;
  }

  /** Nothing may go on with the session. */
  end(): void {
    if (this.#session !== undefined) this.#session.isOver = true;
  }
}
