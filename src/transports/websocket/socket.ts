import {
  type CloseName,
  closeCodes,
  type Departure,
  resume,
  sendQueue,
} from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Report } from '../../rooms/events.ts';
import type { Frame } from '../../rooms/frame.ts';
import type { Outbox } from './outbox.ts';
import type { OwnedWebSocket, Owner } from './owned-websocket.ts';
import type { SocketEvent } from './socket-event.ts';

/** Who takes the messages of a socket, or of one after the other: a session. */
export interface Receiver {
  readonly connection: Connection | undefined;
  /** Resolves when no handler waits any more; `undefined`: none does. */
  readonly busy: Promise<void> | undefined;
  /** Carries out one message; a promise only where its handler waits for something. Never rejects. */
  take(text: string): Promise<void> | undefined;
  /** The socket is over. */
  end(socket: Socket, reason: Departure['reason'], mayComeBack: boolean): void;
}

/** What all sockets share. */
export interface SocketParts {
  /** Hears of each socket that has closed. */
  readonly forget: (socket: Socket) => void;
  readonly report: Report<SocketEvent>;
  /** A clock in milliseconds that nobody sets, for what is silence. */
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

/** The server's end of one WebSocket: takes messages in order, one at a time, for the session that it belongs to. */
export class Socket implements Owner {
  /** When something was last heard of the client, by the steady clock. */
  lastHeardAt: number;
  readonly #ws: OwnedWebSocket;
  readonly #outbox: Outbox;
  readonly #parts: SocketParts;
  #session: Receiver | undefined;
  /** Messages that came while a handler waits; `undefined` while none does. */
  #waiting: string[] | undefined;
  /** The code that the server closed with. */
  #closedWith: number | undefined;
  /** The code that it was over with. */
  #goneWith: number | undefined;
  #isReported = false;

  constructor(ws: OwnedWebSocket, outbox: Outbox, parts: SocketParts) {
    this.#ws = ws;
    this.#outbox = outbox;
    this.#parts = parts;
    this.lastHeardAt = parts.steadyNow();
    ws.own(this);
  }

  /** Has messages wait until it is known whose they are. */
  hold(): void {
    this.#waiting ??= [];
    this.#ws.pause();
  }

  /** Tells the socket whose it is; messages are taken from now on. `false` if it has closed meanwhile. */
  open(session: Receiver): boolean {
    this.#session = session;
    if (this.#goneWith !== undefined) this.closed(this.#goneWith);
    else if (session.busy !== undefined)
      this.#waitFor(session.busy); // with what came on another socket
    else if (this.#waiting !== undefined) this.#resume();
    return this.#goneWith === undefined;
  }

  /** Sends a frame after those sent before. Does nothing once the socket closes. */
  send(frame: Frame): void {
    if (!this.#isOpen()) return;
    const { waiting } = this.#outbox;
    if (frame.volatile && waiting > sendQueue.volatileBytes) return;
    if (waiting > sendQueue.maxBytes) return this.close('slow_consumer');
    this.#outbox.add(frame);
  }

  /** Whether it is closing in a way that its session does not outlive. */
  get isEnding(): boolean {
    return this.#closedWith !== undefined && !resumable.has(this.#closedWith);
  }

  /** How many bytes the client has taken off our hands; while some wait and this stands still, it reads nothing. */
  progress(): { readonly waiting: number; readonly taken: number } {
    return this.#outbox;
  }

  /** Ends the socket after the frames sent so far; later messages are dropped. */
  close(name: CloseName): void {
    if (!this.#isOpen()) return;
    this.#closedWith = closeCodes[name];
    this.#waiting = undefined;
    this.#ws.close(closeCodes[name], name);
    // Told here and not when it has closed: the client of a stalled connection never says the code back.
    this.#report(closeCodes[name]);
    this.#ws.resume(); // a client that is made to wait has its half of the closing to say
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
    this.#goneWith = code;
    if (this.#session === undefined) return;
    const reason = this.#closedWith ? 'closed' : goodbyes.has(code) ? 'left' : 'disconnected';
    this.#session.end(this, reason, resumable.has(this.#closedWith ?? code));
    if (!this.#isReported) this.#report(code);
  }

  /** The client broke the protocol; the library closes with the code for it. */
  broken({ code }: { readonly code?: string }): void {
    this.#closedWith = brokenBy[code ?? ''] ?? closeCodes.protocol_error;
    this.#report(this.#closedWith);
  }

  #take(text: string): void {
    const busy = this.#isOpen() ? this.#session?.take(text) : undefined;
    if (busy !== undefined) this.#waitFor(busy);
  }

  /** Later messages wait for the one at hand, and the client is made to wait for us. */
  #waitFor(busy: Promise<void>): void {
    this.hold();
    void busy.then(() => this.#resume());
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

  #report(code: number): void {
    this.#isReported = true;
    const connection = this.#session?.connection;
    if (connection) this.#parts.report({ type: 'socket.closed', connection, code });
  }

  #isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }
}
