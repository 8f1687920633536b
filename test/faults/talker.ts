import { WebSocket } from 'ws';
import type { JsonObject } from '../../src/codegen/documents.ts';
import { type Frame, valueAt } from '../support/socket.ts';
import { mintToken } from '../support/token.ts';
import { type Entry, marked, type Said, type Sent } from './history.ts';
import { Roster } from './roster.ts';

/** Where a client can connect to, in the order in which it tries. */
export type Doors = () => readonly number[];

/** What may be dropped, and so is not counted; written by hand, as the count is what is tested. */
const uncounted = new Set(['session.pong', 'session.draining', 'chat.typing']);
const pingMs = 250;
const watchMs = 50;
const handshakeTimeoutMs = 2_000;
const retryMs = 100;
let lastSocket = 0;

/**
 * A client that records all that it sends and sees. When its connection ends it comes again, as the protocol says:
 * resumes with the count of what it has, and sends again what was not answered, under the same ids. Where it is started
 * afresh it forgets what was not answered.
 */
export class Talker {
  readonly name: string;
  readonly roomId: string;
  readonly roster = new Roster();
  readonly #doors: Doors;
  readonly #silenceMs: number;
  readonly #history: Entry[];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #unanswered = new Map<string, { sent: Sent; text: string }>();
  #session: { clientId: string; resumeToken: string; received: number } | undefined;
  #ws: WebSocket | undefined;
  #socket = 0;
  #isIn = false;
  #isOver = false;
  #heardAt = 0;
  #tries = 0;
  #said = 0;
  #lastId = 0;
  readonly #asked = new Map<string, (frame: Frame) => void>();

  /** @param silenceMs after so long without a sign of the server it gives its connection up */
  constructor(name: string, roomId: string, doors: Doors, silenceMs: number, history: Entry[]) {
    this.name = name;
    this.roomId = roomId;
    this.#doors = doors;
    this.#silenceMs = silenceMs;
    this.#history = history;
  }

  /** Connects, and stays so until it leaves. */
  start(): void {
    this.#connect();
    this.#timers.push(
      setInterval(() => this.#ping(), pingMs),
      setInterval(() => this.#watch(), watchMs),
    );
  }

  get clientId(): string | undefined {
    return this.#session?.clientId;
  }

  /** Whether it is connected, welcomed, and has an answer to all that it sent. */
  get isSettled(): boolean {
    return this.#isIn && this.#unanswered.size === 0;
  }

  /** Whether it could say something now. */
  get isFree(): boolean {
    return this.#isIn && this.#unanswered.size < 50;
  }

  chat(): void {
    const n = this.#next();
    this.#send({ type: 'chat.send', n }, { text: marked(this.name, n) });
  }

  announce(): void {
    const n = this.#next();
    this.#send({ type: 'signal.data', n }, { topic: 't', data: marked(this.name, n) });
  }

  offer(to: string): void {
    const n = this.#next();
    this.#send({ type: 'signal.offer', n, to }, { to, sdp: marked(this.name, n) });
  }

  raiseHand(isRaised: boolean): void {
    this.#send({ type: 'presence.update' }, { handRaised: isRaised });
  }

  /** What it reads as the chat of its room, oldest first. */
  async history(): Promise<Said[]> {
    const all: Said[] = [];
    for (let more = true; more; ) {
      const before = all[0]?.messageId;
      const { type, payload } = await this.#ask('chat.history', { limit: 100, ...(before && { before }) });
      // A busy machine may be slower than is promised: a client asks again, as it is told to.
      if (type === 'error') continue;
      all.unshift(...(payload.messages as unknown as Said[]));
      more = payload.more === true;
    }
    return all;
  }

  /** Says goodbye, and resolves when the connection is closed; it does not come again. */
  async leave(): Promise<void> {
    const ws = this.#ws;
    this.#end();
    if (ws === undefined || ws.readyState === ws.CLOSED) return;
    const closed = new Promise<void>((resolve) => ws.on('close', resolve));
    const late = setTimeout(() => ws.terminate(), handshakeTimeoutMs);
    if (ws.readyState === ws.OPEN) ws.send(JSON.stringify({ type: 'session.leave', payload: {} }));
    else ws.terminate();
    await closed;
    clearTimeout(late);
  }

  #end(): void {
    this.#isOver = true;
    this.#isIn = false;
    this.#ws = undefined;
    for (const timer of this.#timers) clearInterval(timer);
  }

  #next(): number {
    this.#said += 1;
    return this.#said;
  }

  #connect(): void {
    if (this.#isOver) return;
    const ports = this.#doors();
    const port = ports[this.#tries % ports.length] ?? 0;
    lastSocket += 1;
    const socket = lastSocket;
    const session = this.#session;
    const again = session && `&resume=${session.resumeToken}&received=${session.received}`;
    const token = mintToken({ sub: this.name });
    const ws = new WebSocket(`ws://127.0.0.1:${port}/ws/zoom/${this.roomId}?token=${token}${again ?? ''}`, {
      handshakeTimeout: handshakeTimeoutMs,
    });
    this.#ws = ws;
    this.#socket = socket;
    this.#heardAt = performance.now();
    this.#add({ kind: 'open', roomId: this.roomId, resume: again !== undefined });
    // What comes from a connection that it has given up is nothing to it any more.
    const isThis = () => this.#ws === ws;
    let isOpen = false;
    let status = 0;
    ws.on('open', () => {
      isOpen = true;
    });
    ws.on('ping', () => {
      this.#heardAt = performance.now();
    });
    ws.on('message', (data) => isThis() && this.#take(String(data)));
    ws.on('unexpected-response', (_request, response) => {
      status = response.statusCode ?? 0;
      ws.terminate();
    });
    ws.on('error', () => {}); // the close says it
    ws.on('close', (code) => {
      if (!isThis()) return;
      this.#add(isOpen ? { kind: 'close', by: 'server', code } : { kind: 'refused', status });
      this.#again(isOpen);
    });
  }

  #again(wasIn: boolean): void {
    this.#ws = undefined;
    this.#isIn = false;
    if (!wasIn) this.#tries += 1;
    if (!this.#isOver) this.#timers.push(setTimeout(() => this.#connect(), Math.random() * retryMs));
  }

  #take(text: string): void {
    this.#heardAt = performance.now();
    const frame: Frame = JSON.parse(text);
    this.#add({ kind: 'receive', frame, text });
    this.roster.take(frame);
    if (frame.type === 'session.welcome') return this.#welcome(frame.payload);
    if (this.#session !== undefined && !uncounted.has(frame.type)) this.#session.received += 1;
    if (frame.replyTo === undefined) return;
    this.#unanswered.delete(frame.replyTo);
    this.#asked.get(frame.replyTo)?.(frame);
  }

  #welcome(payload: JsonObject): void {
    this.#isIn = true;
    const clientId = String(valueAt(payload, 'self', 'clientId'));
    const resumeToken = String(payload.resumeToken);
    const unanswered = Array.from(this.#unanswered.values());
    if (payload.resumed !== true) {
      this.#session = { clientId, resumeToken, received: 1 };
      this.#unanswered.clear();
    } else {
      if (this.#session !== undefined) this.#session.resumeToken = resumeToken;
      for (const { sent, text } of unanswered) this.#write(sent, text);
    }
  }

  #send(what: Omit<Sent, 'id'>, payload: object): string {
    this.#lastId += 1;
    const sent = { ...what, id: `${this.name}-${this.#lastId}` };
    const text = JSON.stringify({ type: sent.type, id: sent.id, payload });
    this.#unanswered.set(sent.id, { sent, text });
    this.#write(sent, text);
    return sent.id;
  }

  #write(sent: Sent, text: string): void {
    this.#add({ kind: 'send', ...sent });
    this.#ws?.send(text, () => {}); // that it is closing will be seen
  }

  #ask(type: string, payload: object): Promise<Frame> {
    return new Promise((resolve) => {
      const id = this.#send({ type }, payload);
      this.#asked.set(id, resolve);
    });
  }

  #ping(): void {
    if (!this.#isIn) return;
    const payload = { t: Date.now(), received: this.#session?.received };
    this.#ws?.send(JSON.stringify({ type: 'session.ping', payload }), () => {});
  }

  #watch(): void {
    const ws = this.#ws;
    if (ws === undefined || performance.now() - this.#heardAt < this.#silenceMs) return;
    this.#add({ kind: 'close', by: 'client', code: 1006 });
    this.#again(false);
    ws.terminate();
  }

  #add(entry: EntryOf<Entry>): void {
    this.#history.push({ client: this.name, socket: this.#socket, ...entry } as Entry);
  }
}

/** An entry without whose it is. */
type EntryOf<T> = T extends unknown ? Omit<T, 'client' | 'socket'> : never;
