import { messageMethods } from '../../generated/client.ts';
import type {
  Channel,
  ClientMessageType,
  ClientPayloads,
  ClientReplies,
  ServerMessage,
  ServerMessageType,
  SessionWelcome,
} from '../../generated/messages.ts';
import { ConnectionClosed, Refused } from './errors.ts';

/** What to join, and as whom. */
export interface ConnectOptions {
  /** Where the server is, such as `ws://localhost:8080`; `http` and `https` do as well. */
  readonly url: string;
  readonly channel: Channel;
  readonly roomId: string;
  /** A JWT. It travels as a subprotocol, so that it ends up in no log. */
  readonly token: string;
}

/** A live connection to one channel of a room. */
export interface RoomConnection extends ReturnType<typeof messageMethods> {
  /** The first frame: who you are and who is there. */
  readonly welcome: SessionWelcome;
  /** Hears of every message of a type, in the order of their arrival; the returned function ends it. */
  on<T extends ServerMessageType>(type: T, listener: (message: ServerMessage<T>) => void): () => void;
  /** Resolves when the connection is over. */
  readonly closed: Promise<ConnectionClosed>;
  /** Ends the connection without a word; `session.leave` says goodbye. */
  close(): void;
}

interface Pending {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Joins a room; resolves with the welcome.
 *
 * Rejects with {@link ConnectionClosed} where the server refuses. A browser cannot see why an upgrade failed: the
 * admin API's `GET /api/ws/{channel}/{roomId}/preflight` tells.
 *
 * @example
 * const room = await connect({ url: 'ws://localhost:8080', channel: 'chat', roomId: 'ABC123', token });
 * room.on('chat.message', ({ payload }) => console.log(payload.presenterName, payload.text));
 * await room.chat.send({ text: 'Hello' });
 */
export function connect({ url, channel, roomId, token }: ConnectOptions): Promise<RoomConnection> {
  const address = new URL(`/ws/${channel}/${encodeURIComponent(roomId)}`, url.replace(/^http/, 'ws'));
  const socket = new WebSocket(address, ['signal.v1', `bearer.${token}`]);
  const pending = new Map<string, Pending>();
  const listeners = new Map<ServerMessageType, Set<(message: never) => void>>();
  let lastId = 0;

  const send = <T extends ClientMessageType>(
    type: T,
    payload: ClientPayloads[T],
  ): Promise<ClientReplies[T]> =>
    new Promise((resolve, reject) => {
      if (socket.readyState !== WebSocket.OPEN) return reject(new ConnectionClosed(1006, 'not open'));
      // A ping takes no id; its pong brings the ping's own `t` back.
      const key = type === 'session.ping' ? `ping ${Reflect.get(payload, 't')}` : `m${++lastId}`;
      pending.set(key, { resolve: resolve as Pending['resolve'], reject });
      socket.send(JSON.stringify(type === 'session.ping' ? { type, payload } : { type, id: key, payload }));
    });

  const answer = (message: ServerMessage): void => {
    const key = message.type === 'session.pong' ? `ping ${message.payload.t}` : message.replyTo;
    const waiting = key === undefined ? undefined : pending.get(key);
    if (key === undefined || waiting === undefined) return;
    pending.delete(key);
    if (message.type === 'error') waiting.reject(new Refused(message.payload));
    else waiting.resolve(message.type === 'ack' ? message.payload.result : message.payload);
  };

  return new Promise((resolve, reject) => {
    let over: (reason: ConnectionClosed) => void = () => {};
    const closed = new Promise<ConnectionClosed>((settle) => {
      over = settle;
    });
    const on: RoomConnection['on'] = (type, listener) => {
      const heard = listeners.get(type) ?? new Set();
      listeners.set(type, heard.add(listener));
      return () => heard.delete(listener);
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data) as ServerMessage;
      answer(message);
      for (const listener of listeners.get(message.type) ?? []) listener(message as never);
      if (message.type !== 'session.welcome') return;
      resolve({ ...messageMethods(send), welcome: message.payload, on, closed, close: () => socket.close() });
    };
    socket.onclose = ({ code, reason }) => {
      const error = new ConnectionClosed(code, reason);
      for (const { reject: fail } of pending.values()) fail(error);
      pending.clear();
      over(error);
      reject(error);
    };
  });
}
