import { ByteFeed, type Parser, StreamFault } from './byte-feed.ts';
import {
  headerValues,
  type ObservedRequest,
  type ObservedResponse,
  readBody,
  readRequestHead,
  readResponseHead,
} from './http-stream.ts';
import { type ObservedFrame, readFrames } from './websocket-stream.ts';

/** Who sent it. */
export type Side = 'client' | 'server';

/** What one TCP connection to the server was seen to carry. */
export type TapEvent =
  /** A response, with the request that it answers; none where the server answers what is not yet a request. */
  | {
      readonly kind: 'exchange';
      readonly request: ObservedRequest | undefined;
      readonly response: ObservedResponse;
    }
  /** A frame, after an exchange with status 101. */
  | { readonly kind: 'frame'; readonly from: Side; readonly frame: ObservedFrame }
  /** Bytes of the server that are neither HTTP nor WebSocket, or end too early. */
  | { readonly kind: 'fault'; readonly message: string }
  /** The client's bytes make no sense any more: from here on only the server is observed. */
  | { readonly kind: 'lost' }
  /** The first side to end or to break the connection did so. */
  | { readonly kind: 'ending'; readonly by: Side }
  /** The connection is over; `stalled` where bytes of the server were still on their way to the client. */
  | { readonly kind: 'ended'; readonly stalled: boolean };

/** Reads both directions of one TCP connection, and tells what it saw. */
export class Wire {
  readonly #tell: (event: TapEvent) => void;
  readonly #requests: ByteFeed;
  readonly #responses: ByteFeed;
  #unanswered: ObservedRequest[] = [];
  #upgraded = false;
  #inResponse = false;
  #ending: Side | undefined;
  #broken: { [side in Side]?: true } = {};

  constructor(tell: (event: TapEvent) => void) {
    this.#tell = tell;
    this.#requests = new ByteFeed(this.#readRequests());
    this.#responses = new ByteFeed(this.#readResponses());
  }

  /** Bytes that one side sent. */
  bytes(from: Side, chunk: Buffer): void {
    this.#feed(from, () => (from === 'client' ? this.#requests : this.#responses).push(chunk));
  }

  /** One side sends no more, or is gone. */
  end(of: Side): void {
    if (this.#ending === undefined) this.#tell({ kind: 'ending', by: of });
    this.#ending ??= of;
    if (of === 'client') return;
    this.#feed('server', () => this.#responses.end());
    const cut = !this.#upgraded && (this.#inResponse || this.#responses.waiting > 0);
    if (cut && this.#ending === 'server' && !this.#broken.server) {
      this.#tell({ kind: 'fault', message: 'the server ended the connection inside a response' });
    }
  }

  /** Both sides are gone. */
  close(stalled: boolean): void {
    this.#tell({ kind: 'ended', stalled });
  }

  #feed(side: Side, read: () => void): void {
    if (this.#broken[side]) return;
    try {
      read();
    } catch (error) {
      if (!(error instanceof StreamFault)) throw error;
      this.#broken[side] = true;
      this.#tell(side === 'client' ? { kind: 'lost' } : { kind: 'fault', message: error.message });
    }
  }

  *#readRequests(): Parser {
    for (;;) {
      const request = yield* readRequestHead();
      this.#unanswered.push(request);
      // Whether frames follow, only the answer tells.
      if (asksForUpgrade(request)) yield 'gate';
      if (this.#upgraded) yield* readFrames(true, (frame) => this.#frame('client', frame));
      yield* readBody(request.headers, 'request');
    }
  }

  *#readResponses(): Parser {
    for (;;) {
      const head = yield* readResponseHead(() => {
        this.#inResponse = true;
      });
      if (head.status < 200 && head.status !== 101) continue; // 100, 102, 103 precede the response
      const request = this.#unanswered.shift();
      const bodiless = request?.method === 'HEAD' || [101, 204, 304].includes(head.status);
      const body = bodiless ? Buffer.alloc(0) : yield* readBody(head.headers, 'response');
      this.#inResponse = false;
      this.#tell({ kind: 'exchange', request, response: { ...head, body } });
      this.#upgraded = head.status === 101;
      if (request && asksForUpgrade(request)) this.#feed('client', () => this.#requests.openGate());
      if (this.#upgraded) yield* readFrames(false, (frame) => this.#frame('server', frame));
    }
  }

  #frame(from: Side, frame: ObservedFrame): void {
    this.#tell({ kind: 'frame', from, frame });
  }
}

function asksForUpgrade({ headers }: ObservedRequest): boolean {
  return headerValues(headers, 'upgrade').length > 0;
}
