import { WebSocket } from 'ws';
import type { Json, JsonObject } from '../../src/codegen/documents.ts';
import { atScopeEnd } from './scope.ts';

/** A frame as it came, which nothing but `JSON.parse` has touched. */
export interface Frame {
  readonly type: string;
  readonly ts: number;
  readonly from?: string;
  readonly replyTo?: string;
  readonly payload: JsonObject;
}

/** How a socket is opened. */
export interface SocketOptions {
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** The loopback address to come from. */
  readonly from?: string;
}

interface Waiter {
  readonly matches: (frame: Frame) => boolean;
  readonly resolve: (frame: Frame) => void;
  readonly reject: (why: string) => void;
}

/** A WebSocket client that speaks literal JSON. */
export class TestSocket {
  /** Every frame so far, read or not. */
  readonly frames: Frame[] = [];
  /** The text of every frame so far. */
  readonly texts: string[] = [];
  /** What the socket closed with. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** The library's socket, for pings, fragments and broken frames. */
  readonly ws: WebSocket;
  #unread: Frame[] = [];
  #waiters: Waiter[] = [];
  #isClosed: string | undefined;
  #lastId = 0;

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data) => this.#take(String(data)));
    this.closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => {
        this.#isClosed = `the socket closed with ${code} ${reason}`;
        for (const { reject } of this.#waiters.splice(0)) reject(this.#isClosed);
        resolve({ code, reason: String(reason) });
      });
    });
  }

  /**
   * The oldest unread frame, or the oldest of this type or kind, which leaves the others unread. Fails once the
   * socket is closed or the time is over.
   */
  next(wanted?: string | ((frame: Frame) => boolean), withinMs = 5000): Promise<Frame> {
    const matches =
      typeof wanted === 'function' ? wanted : (frame: Frame) => wanted === undefined || frame.type === wanted;
    const frame = this.#unread.find(matches);
    if (frame) {
      this.#unread = this.#unread.filter((one) => one !== frame);
      return Promise.resolve(frame);
    }
    const name = typeof wanted === 'string' ? wanted : 'such frame';
    if (this.#isClosed) return Promise.reject(new Error(`no ${name}: ${this.#isClosed}`));
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        matches,
        resolve: (found) => {
          clearTimeout(timer);
          resolve(found);
        },
        reject: (why) => {
          clearTimeout(timer);
          reject(new Error(`no ${name}: ${why}`));
        },
      };
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((one) => one !== waiter);
        const unread = this.#unread.map(({ type }) => type).join(', ') || 'nothing';
        waiter.reject(`${withinMs} ms went by; unread: ${unread}`);
      }, withinMs);
      this.#waiters.push(waiter);
    });
  }

  /** Sends a text frame: a string as it is, anything else as JSON. */
  send(message: string | object): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Sends a message with an id of its own, and gives the frame that answers it. */
  ask(type: string, payload: object = {}): Promise<Frame> {
    this.#lastId += 1;
    const id = `ask-${this.#lastId}`;
    this.send({ type, id, payload });
    return this.next((frame) => frame.replyTo === id);
  }

  /** Says goodbye, and waits until the socket is closed. */
  close(code = 1000): Promise<{ code: number; reason: string }> {
    this.ws.close(code);
    return this.closed;
  }

  #take(text: string): void {
    const frame: Frame = JSON.parse(text);
    this.frames.push(frame);
    this.texts.push(text);
    const waiter = this.#waiters.find(({ matches }) => matches(frame));
    if (!waiter) {
      this.#unread.push(frame);
      return;
    }
    this.#waiters = this.#waiters.filter((one) => one !== waiter);
    waiter.resolve(frame);
  }
}

/** Opens a socket; `token` goes into the query, where there is one. Fails with status and body if refused. */
export async function openSocket(
  { port }: { readonly port: number },
  path: string,
  token?: string,
  { protocols = [], headers = {}, from = '127.0.0.1' }: SocketOptions = {},
): Promise<TestSocket> {
  const query = token === undefined ? '' : `${path.includes('?') ? '&' : '?'}token=${token}`;
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}${query}`, [...protocols], {
    headers,
    localAddress: from,
  });
  const socket = new TestSocket(ws); // listens before the first frame can come
  atScopeEnd(() => ws.terminate());
  await new Promise<void>((resolve, reject) => {
    ws.on('open', resolve);
    ws.on('error', reject);
    ws.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => reject(new Error(`refused with ${response.statusCode}: ${body}`)));
    });
  });
  return socket;
}

/** Opens a socket and reads the welcome from it. */
export async function join(
  server: { readonly port: number },
  path: string,
  token?: string,
  options?: SocketOptions,
): Promise<{ socket: TestSocket; clientId: string; welcome: Frame }> {
  const socket = await openSocket(server, path, token, options);
  const welcome = await socket.next('session.welcome');
  return { socket, clientId: String(valueAt(welcome.payload, 'self', 'clientId')), welcome };
}

/** The value at a path inside a JSON value; `undefined` where there is none. */
export function valueAt(from: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  return path.reduce<Json | undefined>((value, key) => {
    if (typeof value !== 'object' || value === null) return undefined;
    return Array.isArray(value) ? value[Number(key)] : value[key];
  }, from);
}
