import { volatileMessages } from '../../generated/messages.ts';
import { type Frame, openSocket, type SocketOptions, type TestSocket, valueAt } from './socket.ts';

/** What is not counted, since it may be dropped. */
const volatile: ReadonlySet<string> = volatileMessages;

/** A client that comes back: its session, over one socket after the other. */
export class Returning {
  readonly #server: { readonly port: number };
  readonly #path: string;
  readonly #options: SocketOptions | undefined;
  #socket: TestSocket;
  #welcome: Frame;
  /** What it got on the sockets before this one, from the welcome on. */
  #before: readonly Frame[] = [];

  private constructor(
    server: { readonly port: number },
    path: string,
    options: SocketOptions | undefined,
    socket: TestSocket,
    welcome: Frame,
  ) {
    this.#server = server;
    this.#path = path;
    this.#options = options;
    this.#socket = socket;
    this.#welcome = welcome;
  }

  /** Opens a socket, and waits for the welcome. */
  static async join(
    server: { readonly port: number },
    path: string,
    token: string,
    options?: SocketOptions,
  ): Promise<Returning> {
    const socket = await openSocket(server, path, token, options);
    return new Returning(server, path, options, socket, await socket.next('session.welcome'));
  }

  get socket(): TestSocket {
    return this.#socket;
  }

  /** The last one. */
  get welcome(): Frame {
    return this.#welcome;
  }

  get clientId(): string {
    return String(valueAt(this.#welcome.payload, 'self', 'clientId'));
  }

  /** Whether it has gone on with its session, the last time. */
  get isResumed(): boolean {
    return this.#welcome.payload.resumed === true;
  }

  /** All that it got in this session, over all sockets, without the volatile and the welcomes of a resume. */
  get frames(): readonly Frame[] {
    return [...this.#before, ...this.#counted()];
  }

  /** How many that are, as the server counts them. */
  get received(): number {
    return this.frames.length;
  }

  /** Is cut off, from one moment to the next. */
  async cut(): Promise<void> {
    this.#socket.ws.terminate();
    await this.#socket.closed;
  }

  /** Asks for its session on another socket, and reads the welcome. */
  async back(
    token: string,
    {
      received = this.received,
      path = this.#path,
      resumeToken = this.resumeToken,
      server = this.#server,
    } = {},
  ): Promise<this> {
    const query = `?resume=${resumeToken}&received=${received}`;
    const before = this.frames;
    const socket = await openSocket(server, path + query, token, this.#options);
    const welcome = await socket.next('session.welcome');
    const isResumed = welcome.payload.resumed === true;
    this.#before = isResumed ? before : [];
    this.#socket = socket;
    this.#welcome = welcome;
    return this;
  }

  get resumeToken(): string {
    return String(this.#welcome.payload.resumeToken);
  }

  #counted(): Frame[] {
    const { frames } = this.#socket;
    const welcome = frames.findIndex(({ type }) => type === 'session.welcome');
    const isFirst = frames[welcome]?.payload.resumed === false;
    return frames
      .slice(welcome === -1 ? frames.length : isFirst ? welcome : welcome + 1)
      .filter(({ type }) => !volatile.has(type));
  }
}
