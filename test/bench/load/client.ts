import { connect, type Socket } from 'node:net';
import type { Dialect, Seat } from './dialects.ts';
import { clientFrame, FrameReader, opcodes } from './frames.ts';

/** Whom a client tells what happens to it. */
export interface Owner {
  /** It is in its room, and knows its id. */
  joined(client: Client): void;
  /** A text came after that; it lies in `bytes` from `start` to `end`, and only until the call returns. */
  text(client: Client, bytes: Buffer, start: number, end: number): void;
  /** It was refused or cut, or what it read made no sense. */
  failed(client: Client, error: Error): void;
}

/** Into which all sockets read, one after the other: nothing of it is kept once a read has been taken. */
const shared = Buffer.alloc(256 * 1024);
const endOfHead = Buffer.from('\r\n\r\n');

/** A WebSocket client on a raw socket, which does just enough to load a server. */
export class Client {
  readonly seat: Seat;
  /** What others address it by; empty until it has joined. */
  id = '';
  readonly #dialect: Dialect;
  readonly #owner: Owner;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #take = this.#frame.bind(this);
  /** What has come of the answer to the handshake; `undefined` once it is complete. */
  #head: Buffer | undefined = Buffer.alloc(0);
  #isClosed = false;

  constructor(port: number, seat: Seat, dialect: Dialect, owner: Owner) {
    this.seat = seat;
    this.#dialect = dialect;
    this.#owner = owner;
    const callback = (length: number): boolean => {
      this.#read(length);
      return true;
    };
    const onread = { buffer: shared, callback };
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, onread });
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => this.#fail('the connection was closed'));
    this.#socket.write(
      `GET ${dialect.path(seat)} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
  }

  send(text: string): void {
    this.#socket.write(clientFrame(opcodes.text, text));
  }

  #read(length: number): void {
    if (this.#isClosed) return;
    try {
      if (this.#head === undefined) this.#reader.read(shared, length, this.#take);
      else this.#readHead(Buffer.concat([this.#head, shared.subarray(0, length)]));
    } catch (error) {
      this.#fail((error as Error).message);
    }
  }

  #readHead(head: Buffer): void {
    this.#head = head;
    const end = head.indexOf(endOfHead);
    if (end < 0) return;
    const text = head.toString('latin1');
    if (!text.startsWith('HTTP/1.1 101 ')) throw new Error(`refused: ${text}`);
    this.#head = undefined;
    if (this.#dialect.joinsAtOnce) this.#join(this.#dialect.idOf(this.seat));
    const rest = head.subarray(end + endOfHead.length);
    if (rest.length > 0) this.#reader.read(rest, rest.length, this.#take);
  }

  #frame(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === opcodes.ping) {
      this.#socket.write(clientFrame(opcodes.pong, bytes.subarray(start, end)));
    } else if (opcode === opcodes.close) {
      throw new Error(`closed with ${bytes.readUInt16BE(start)} ${bytes.toString('utf8', start + 2, end)}`);
    } else if (end - start === 1) {
      // Only Socket.IO sends a text of one byte: its own ping.
      this.send(this.#dialect.pong);
    } else if (this.id === '') {
      const { reply, id } = this.#dialect.greeted(bytes.toString('utf8', start, end));
      if (reply !== undefined) this.send(reply);
      if (id !== undefined) this.#join(id);
      if (id !== undefined) this.#owner.text(this, bytes, start, end);
    } else {
      this.#owner.text(this, bytes, start, end);
    }
  }

  #join(id: string): void {
    this.id = id;
    this.#owner.joined(this);
  }

  #fail(message: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.#owner.failed(this, new Error(`client ${this.seat.index}: ${message}`));
  }
}
