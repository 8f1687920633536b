import { WebSocket } from 'ws';
import { type CloseName, closeCodes, type Departure, frameLimits } from '../../../generated/messages.ts';
import type { Connection, Outlet } from '../../rooms/connection.ts';
import type { SignalboxError } from '../../rooms/errors.ts';
import type { Report } from '../../rooms/events.ts';
import type { Frame } from '../../rooms/frame.ts';
import { decode } from './codec.ts';
import type { Dispatch, Dispatched } from './dispatch.ts';

/** What happened on a socket, for the log. */
export type SocketEvent =
  | { readonly type: 'socket.closed'; readonly connection: Connection; readonly code: number }
  | { readonly type: 'socket.failed'; readonly connection: Connection; readonly error: unknown };

/** What all sockets share. */
export interface SocketParts {
  readonly dispatch: Dispatch;
  readonly leave: (connection: Connection, reason: Departure['reason']) => void;
  /** Hears of each socket that has closed. */
  readonly forget: (socket: Socket) => void;
  readonly report: Report<SocketEvent>;
  readonly now: () => number;
}

/** Close codes with which a client says goodbye, rather than being lost. */
const goodbyes: ReadonlySet<number> = new Set([1000, 1001, 1005]);
const minuteMs = 60_000;

/** The library's socket, and who owns it: one listener function serves all sockets. */
export class OwnedWebSocket extends WebSocket {
  owner: Socket | undefined = undefined;
}

/**
 * The server's end of one WebSocket: takes messages in order, one at a time, and is the way out to the client.
 */
export class Socket implements Outlet {
  /** When something was last heard of the client, in epoch milliseconds. */
  lastHeardAt: number;
  readonly #ws: OwnedWebSocket;
  readonly #parts: SocketParts;
  #connection: Connection | undefined;
  /** Messages that came while a handler waits; `undefined` while none does. */
  #waiting: string[] | undefined;
  #invalidAt: number[] = [];
  #closeAfterAnswer: CloseName | undefined;
  #closedByUs = false;

  constructor(ws: OwnedWebSocket, parts: SocketParts) {
    this.#ws = ws;
    this.#parts = parts;
    this.lastHeardAt = parts.now();
    ws.owner = this;
    ws.on('message', onMessage)
      .on('pong', onHeard)
      .on('ping', onHeard)
      .on('close', onClose)
      .on('error', onError);
  }

  /** Tells the socket whose it is; messages are taken from now on. */
  open(connection: Connection): void {
    this.#connection = connection;
  }

  send(frame: Frame): void {
    if (this.#isOpen()) this.#ws.send(frame, { binary: false });
  }

  close(name: CloseName): void {
    if (!this.#isOpen()) return;
    this.#closedByUs = true;
    this.#waiting = undefined;
    this.#ws.close(closeCodes[name], name);
    this.#ws.resume(); // a client that is made to wait has its half of the closing to say
  }

  finish(name: CloseName): void {
    this.#closeAfterAnswer = name;
  }

  /** Asks the client for a sign of life. */
  ping(): void {
    if (this.#isOpen()) this.#ws.ping();
  }

  /** The client has given a sign of life. */
  heard(): void {
    this.lastHeardAt = this.#parts.now();
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

  /** The connection is over; `code` is what the client was told or said, 1006 if it was lost. */
  closed(code: number): void {
    this.#waiting = undefined;
    this.#parts.forget(this);
    const connection = this.#connection;
    if (connection === undefined) return;
    const reason = this.#closedByUs ? 'closed' : goodbyes.has(code) ? 'left' : 'disconnected';
    this.#parts.leave(connection, reason);
    this.#parts.report({ type: 'socket.closed', connection, code });
  }

  /** The client broke the protocol; the library closes with the code for it. */
  broken(): void {
    this.#closedByUs = true;
  }

  #take(text: string): void {
    const connection = this.#connection;
    if (connection === undefined || !this.#isOpen()) return;
    const decoded = decode(text);
    if (decoded.message === undefined) return this.#refuse(decoded.refusal, decoded.id);
    const dispatched = this.#parts.dispatch.run(connection, decoded.message);
    if (!(dispatched instanceof Promise)) return this.#answer(connection, dispatched);
    // Later messages wait for this one, and the client is made to wait for us.
    this.#waiting = [];
    this.#ws.pause();
    void dispatched.then((result) => {
      this.#answer(connection, result);
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
  }

  #answer(connection: Connection, { answer, fault }: Dispatched): void {
    if (answer !== undefined) this.send(answer);
    if (fault !== undefined) {
      this.#parts.report({ type: 'socket.failed', connection, error: fault });
      this.close('internal');
    }
    if (this.#closeAfterAnswer !== undefined) this.close(this.#closeAfterAnswer);
  }

  #refuse(refusal: SignalboxError, id: string | undefined): void {
    this.send(this.#parts.dispatch.refusal(id, refusal));
    const now = this.#parts.now();
    this.#invalidAt = [...this.#invalidAt.filter((at) => at > now - minuteMs), now];
    if (this.#invalidAt.length >= frameLimits.maxInvalidPerMinute) this.close('too_many_invalid_messages');
  }

  #isOpen(): boolean {
    return this.#ws.readyState === WebSocket.OPEN;
  }
}

function onMessage(this: WebSocket, data: WebSocket.RawData, isBinary: boolean): void {
  // `binaryType` is nodebuffer, so data is a Buffer.
  if (Buffer.isBuffer(data)) ownerOf(this)?.receive(data, isBinary);
}

function onHeard(this: WebSocket): void {
  ownerOf(this)?.heard();
}

function onClose(this: WebSocket, code: number): void {
  ownerOf(this)?.closed(code);
}

function onError(this: WebSocket): void {
  ownerOf(this)?.broken();
}

function ownerOf(ws: WebSocket): Socket | undefined {
  return ws instanceof OwnedWebSocket ? ws.owner : undefined;
}
