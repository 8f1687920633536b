import {
  type AdmissionDenied,
  type ClientMessageType,
  type ClientPayloads,
  closeCodes,
  type RoomClosed,
  resume,
  type ServerMessage,
  type SessionKicked,
  type SessionWelcome,
  volatileMessages,
} from '../../generated/messages.ts';
import { Backoff, type ReconnectOptions } from './backoff.ts';
import { ConnectionClosed } from './errors.ts';
import { Link } from './link.ts';
import type { ConnectionEvents } from './listeners.ts';
import { Pending } from './pending.ts';
import { Pulse } from './pulse.ts';

/** What a session goes by. */
export interface SessionParts {
  /** Of the room's channel, without a query. */
  readonly address: string;
  readonly token: string | (() => string | Promise<string>);
  readonly reconnect: ReconnectOptions | false;
  readonly onWaiting: () => void;
  readonly onMessage: (message: ServerMessage) => void;
  readonly onEvent: <T extends keyof ConnectionEvents>(type: T, event: ConnectionEvents[T]) => void;
}

/** Where a connection stands: `reconnecting` from its loss until the next welcome. */
export type ConnectionState = 'connected' | 'reconnecting' | 'closed';

/** How much later than announced a server may close the socket before the client leaves by itself. */
const drainGraceMs = 1_000;
const resumable: ReadonlySet<number> = new Set(resume.codes);

/**
 * A session over all the sockets that it takes: counts what was received, resumes where the connection is lost, and
 * tells apart whether the server went on with it or began anew.
 */
export class Session {
  /** Resolves with the first welcome; rejects where it never comes. */
  readonly welcomed: Promise<SessionWelcome>;
  /** Resolves when the connection is over, and does not come back. */
  readonly closed: Promise<ConnectionClosed>;
  readonly #parts: SessionParts;
  readonly #backoff: Backoff;
  readonly #pending = new Pending();
  readonly #welcomed = Promise.withResolvers<SessionWelcome>();
  readonly #closed = Promise.withResolvers<ConnectionClosed>();
  #token: SessionParts['token'];
  #state: ConnectionState | 'connecting' = 'connecting';
  #link: Link | undefined;
  #pulse: Pulse | undefined;
  /** For the next attempt, or for leaving a server that drains. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #welcome: SessionWelcome | undefined;
  /** How many reliable messages of this session have come, its first welcome included. */
  #received = 0;
  /** Whether this socket has brought its welcome: what comes before it belongs to no session. */
  #isWelcomed = false;
  /** Whether the application has said `session.leave`: that it is said is all that is still to be tried. */
  #isLeaving = false;
  #mayReturn: boolean;
  /** Whether the server has said that it will close the socket. */
  #isDraining = false;
  #because: AdmissionDenied | RoomClosed | SessionKicked | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#token = parts.token;
    this.#mayReturn = parts.reconnect !== false;
    this.#backoff = new Backoff(parts.reconnect || {});
    this.welcomed = this.#welcomed.promise;
    this.closed = this.#closed.promise;
    void this.#open();
  }

  /** The latest one. Throws before the first. */
  get welcome(): SessionWelcome {
    if (this.#welcome === undefined) throw new Error('not connected yet');
    return this.#welcome;
  }

  get state(): ConnectionState {
    return this.#state === 'connecting' ? 'reconnecting' : this.#state;
  }

  send(type: ClientMessageType, payload: object): Promise<unknown> {
    if (this.#state === 'closed') return Promise.reject(new ConnectionClosed(1006, 'not open'));
    const answer = this.#pending.send(type, payload);
    if (type === 'session.leave') this.#leave(answer);
    if (type === 'session.refreshToken') this.#keepToken(answer, (payload as { token: string }).token);
    return answer;
  }

  close(): void {
    this.#mayReturn = false;
    if (this.#link !== undefined) this.#link.close();
    else this.#end(new ConnectionClosed(1006, 'closed while the connection was lost'));
  }

  async #open(): Promise<void> {
    this.#isWelcomed = false;
    try {
      const token = typeof this.#token === 'string' ? this.#token : await this.#token();
      if (this.#state === 'closed') return;
      const message = (received: ServerMessage) => this.#take(received);
      const lost = (code: number, reason: string) => this.#lost(code, reason);
      this.#link = new Link(this.#address(), token, { message, lost });
    } catch (error) {
      // No token, or none that can be one: nobody was asked.
      if (this.#welcome === undefined) this.#welcomed.reject(error);
      this.#lost(1006, error instanceof Error ? error.message : String(error));
    }
  }

  #address(): string {
    const { address } = this.#parts;
    if (this.#welcome === undefined) return address;
    return `${address}?resume=${encodeURIComponent(this.#welcome.resumeToken)}&received=${this.#received}`;
  }

  #take(message: ServerMessage): void {
    this.#pulse?.heard();
    if (message.type === 'session.welcome') return this.#greet(message.payload);
    if (message.type === 'admission.waiting') return this.#keepWaiting();
    if (this.#isWelcomed && !volatileMessages.has(message.type)) this.#received += 1;
    if (isLastWord(message)) this.#because = message.payload;
    if (message.type === 'session.tokenExpiring') void this.#refreshToken();
    if (message.type === 'session.draining') this.#expectEnd(message.payload.reconnectAfterMs);
    if (this.#pending.settle(message)) this.#parts.onMessage(message);
  }

  #greet(welcome: SessionWelcome): void {
    const previous = this.#welcome;
    const isResumed = previous !== undefined && welcome.resumed;
    this.#welcome = welcome;
    this.#isWelcomed = true;
    if (!isResumed) this.#received = 1; // the first welcome of a session counts, and that of a resume does not
    if (previous !== undefined && !isResumed && this.#isLeaving) return this.#link?.close(); // what was to be left is gone
    this.#state = 'connected';
    this.#backoff.succeeded();
    this.#watch(welcome);
    if (previous !== undefined && !isResumed) this.#pending.restart();
    this.#pending.open((frame) => this.#link?.send(frame));
    if (previous === undefined) this.#welcomed.resolve(welcome);
    else if (isResumed) this.#parts.onEvent('resumed', { welcome });
    else this.#parts.onEvent('restarted', { welcome, previous });
  }

  #keepWaiting(): void {
    // Of who is here for the first time it is not known yet how often the server wants to be asked.
    if (this.#welcome !== undefined) this.#watch(this.#welcome);
    this.#parts.onWaiting();
  }

  #watch({ heartbeat }: SessionWelcome): void {
    const ping = () => {
      // How many have come, so that the server need not keep them; of a session that has yet to begin it has none.
      const received = this.#isWelcomed && { received: this.#received };
      const payload: ClientPayloads['session.ping'] = { t: Date.now(), ...received };
      this.#link?.send({ type: 'session.ping', payload });
    };
    this.#pulse?.stop();
    this.#pulse = new Pulse(heartbeat, ping, () => this.#link?.lose('nothing was heard of the server'));
  }

  #lost(code: number, reason: string): void {
    const wasConnected = this.#link !== undefined && this.#isWelcomed;
    this.#pulse?.stop();
    clearTimeout(this.#timer);
    this.#link = undefined;
    this.#pending.pause();
    const delayMs = this.#mayComeBack(code, wasConnected) ? this.#backoff.next() : undefined;
    if (delayMs === undefined) return this.#end(new ConnectionClosed(code, reason, this.#because));
    // A server that stops has spread its clients over time already.
    this.#comeBack(code, this.#isDraining ? 0 : delayMs);
    this.#isDraining = false;
  }

  /** The socket closes at that time, unless its end is lost on the way. */
  #expectEnd(inMs: number): void {
    this.#isDraining = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#link?.lose('the server stops'), inMs + drainGraceMs);
  }

  #comeBack(closeCode: number, delayMs: number): void {
    this.#state = 'reconnecting';
    this.#timer = setTimeout(() => void this.#open(), delayMs);
    this.#parts.onEvent('reconnecting', { closeCode, attempt: this.#backoff.attempt, delayMs });
  }

  #mayComeBack(code: number, wasConnected: boolean): boolean {
    if (!this.#mayReturn || this.#welcome === undefined) return false;
    if (this.#isLeaving && wasConnected) return false;
    // The same token would be refused.
    if (code === closeCodes.token_expired && typeof this.#token === 'string') return false;
    return resumable.has(code) || (code >= 4000 && code < 4500); // as the contract has it: these may come back
  }

  #end(error: ConnectionClosed): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#timer);
    // After the last frames, where these are still waiting.
    setTimeout(() => this.#pending.fail(error));
    this.#closed.resolve(error);
    this.#welcomed.reject(error);
  }

  #leave(answer: Promise<unknown>): void {
    this.#isLeaving = true;
    answer.catch(() => {
      this.#isLeaving = false; // refused
    });
  }

  /** The token of the next attempt is the one that the application has put in the place of the first. */
  #keepToken(answer: Promise<unknown>, token: string): void {
    if (typeof this.#token !== 'string') return;
    answer.then(
      () => {
        this.#token = token;
      },
      () => {},
    );
  }

  async #refreshToken(): Promise<void> {
    if (typeof this.#token === 'string') return;
    try {
      await this.send('session.refreshToken', { token: await this.#token() });
    } catch {
      // The server closes with 4003 then, and the next attempt asks for another token.
    }
  }
}

/** Nothing but the close follows these, and they say why. */
function isLastWord(
  message: ServerMessage,
): message is ServerMessage<'admission.denied' | 'room.closed' | 'session.kicked'> {
  return ['admission.denied', 'room.closed', 'session.kicked'].includes(message.type);
}
