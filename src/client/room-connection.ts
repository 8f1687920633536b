import { messageMethods } from '../../generated/client.ts';
import type {
  Channel,
  ClientMessageType,
  ClientPayloads,
  ClientReplies,
  ServerMessage,
  SessionWelcome,
} from '../../generated/messages.ts';
import type { ReconnectOptions } from './backoff.ts';
import type { ConnectionClosed } from './errors.ts';
import { Listeners, type RoomEvents } from './listeners.ts';
import { type ConnectionState, Session } from './session.ts';

/** What to join, and as whom. */
export interface ConnectOptions {
  /** Where the server is, such as `ws://localhost:8080`; `http` and `https` do as well. */
  readonly url: string;
  readonly channel: Channel;
  readonly roomId: string;
  /**
   * A JWT, or a function that gives one: it is asked on every attempt to connect, and when the token of the session is
   * about to expire. With a plain token the connection ends with it, unless `session.refreshToken` brings another.
   */
  readonly token: string | (() => string | Promise<string>);
  /** Hears that a host must let the client in first. */
  readonly onWaiting?: () => void;
  /** How a lost connection is tried again; `false`: it is not, and the connection is over with its first loss. */
  readonly reconnect?: boolean | ReconnectOptions;
}

/** A live connection to one channel of a room. It outlives its sockets: a lost one is replaced, and the session resumed. */
export interface RoomConnection extends ReturnType<typeof messageMethods> {
  /** Who you are and who was there, as of the latest welcome: the first, that of a resume, or that of a fresh start. */
  readonly welcome: SessionWelcome;
  readonly state: ConnectionState;
  /**
   * Hears of every message of a type, in the order of their arrival, or of what happens to the connection; the returned
   * function ends it.
   */
  on<T extends keyof RoomEvents>(type: T, listener: (event: RoomEvents[T]) => void): () => void;
  /** Resolves when the connection is over, for good. */
  readonly closed: Promise<ConnectionClosed>;
  /**
   * Ends the connection without a word; `session.leave` says goodbye. While the connection is lost nobody can be told:
   * the others see the client go when its session ends.
   */
  close(): void;
}

/**
 * Joins a room; resolves with the welcome, which a host may keep it waiting for.
 *
 * Rejects with {@link ConnectionClosed} where the server refuses, or the host does (4509). A browser cannot see why an
 * upgrade failed: the admin API's `GET /api/ws/{channel}/{roomId}/preflight` tells.
 *
 * From then on a lost connection is tried again with exponential back-off and full jitter, and the session is resumed.
 * Where that succeeds (`resumed`) nothing is missing and nothing comes twice: what was not answered goes again under its
 * `id`, and what was sent meanwhile follows. Where it does not (`restarted`) it is a fresh start: what had no answer
 * rejects with {@link Unanswered}, what was not sent with {@link NotSent}.
 *
 * @example
 * const room = await connect({ url: 'ws://localhost:8080', channel: 'chat', roomId: 'ABC123', token });
 * room.on('chat.message', ({ payload }) => console.log(payload.presenterName, payload.text));
 * room.on('restarted', ({ welcome }) => console.log('a fresh start, as', welcome.self.clientId));
 * await room.chat.send({ text: 'Hello' });
 */
export async function connect(options: ConnectOptions): Promise<RoomConnection> {
  const { url, channel, roomId, token, onWaiting = () => {}, reconnect = true } = options;
  const base = url.replace(/^http/, 'ws').replace(/\/+$/, '');
  const listeners = new Listeners();
  // What arrives together with the welcome waits for a turn, so that who awaited it has put its listeners up.
  let early: ServerMessage[] | undefined = [];
  // `as never`: the compiler does not see that a message is of its own type.
  const tell = (message: ServerMessage) => listeners.tell(message.type, message as never);
  const session = new Session({
    address: `${base}/ws/${channel}/${encodeURIComponent(roomId)}`,
    token,
    reconnect: reconnect === true ? {} : reconnect,
    onWaiting,
    onMessage: (message) => {
      if (early !== undefined) early.push(message);
      else tell(message);
    },
    onEvent: (type, event) => listeners.tell(type, event as never),
  });
  const { closed } = session;
  await session.welcomed;
  setTimeout(() => {
    const waiting = early ?? [];
    early = undefined;
    waiting.forEach(tell);
  });
  const send = <T extends ClientMessageType>(type: T, payload: ClientPayloads[T]) =>
    session.send(type, payload) as Promise<ClientReplies[T]>; // the contract says which answer belongs to which message
  return {
    ...messageMethods(send),
    get welcome() {
      return session.welcome;
    },
    get state() {
      return session.state;
    },
    on: (type, listener) => listeners.on(type, listener),
    closed,
    close: () => session.close(),
  };
}
