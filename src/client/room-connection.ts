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
import { ConnectionClosed } from './errors.ts';
import { Pending } from './pending.ts';

/** What to join, and as whom. */
export interface ConnectOptions {
  /** Where the server is, such as `ws://localhost:8080`; `http` and `https` do as well. */
  readonly url: string;
  readonly channel: Channel;
  readonly roomId: string;
  /** A JWT. It travels as a subprotocol, so that it ends up in no log. */
  readonly token: string;
  /** Hears that a host must let the client in first. */
  readonly onWaiting?: () => void;
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

/**
 * Joins a room; resolves with the welcome, which a host may keep it waiting for.
 *
 * Rejects with {@link ConnectionClosed} where the server refuses, or the host does (4509). A browser cannot see why an
 * upgrade failed: the admin API's `GET /api/ws/{channel}/{roomId}/preflight` tells.
 *
 * @example
 * const room = await connect({ url: 'ws://localhost:8080', channel: 'chat', roomId: 'ABC123', token });
 * room.on('chat.message', ({ payload }) => console.log(payload.presenterName, payload.text));
 * await room.chat.send({ text: 'Hello' });
 */
export async function connect(options: ConnectOptions): Promise<RoomConnection> {
  const { url, channel, roomId, token, onWaiting } = options;
  const base = url.replace(/^http/, 'ws').replace(/\/+$/, '');
  const address = `${base}/ws/${channel}/${encodeURIComponent(roomId)}`;
  const socket = new WebSocket(address, ['signal.v1', `bearer.${token}`]);
  const pending = new Pending();
  const listeners = new Map<ServerMessageType, Set<(message: never) => void>>();
  const welcomed = Promise.withResolvers<SessionWelcome>();
  const closed = Promise.withResolvers<ConnectionClosed>();

  const hear = (message: ServerMessage): void => {
    pending.settle(message);
    for (const listener of listeners.get(message.type) ?? []) {
      try {
        listener(message as never); // the set is that of the message's type
      } catch (error) {
        // The others are to hear of it all the same; the fault shows as an uncaught one.
        setTimeout(() => {
          throw error;
        });
      }
    }
  };
  // What arrives together with the welcome waits for a turn, so that who awaited it has put its listeners up.
  let early: ServerMessage[] | undefined = [];
  let because: ConnectionClosed['because'];
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data) as ServerMessage;
    if (isLastWord(message)) because = message.payload;
    if (message.type === 'session.welcome') {
      welcomed.resolve(message.payload);
      setTimeout(() => {
        const waiting = early ?? [];
        early = undefined;
        waiting.forEach(hear);
      });
    } else if (message.type === 'admission.waiting') onWaiting?.();
    else if (early !== undefined) early.push(message);
    else hear(message);
  };
  socket.onclose = ({ code, reason }) => {
    const error = new ConnectionClosed(code, reason, because);
    // After the last frames, where these are still waiting.
    setTimeout(() => pending.fail(error));
    closed.resolve(error);
    welcomed.reject(error);
  };

  const send = <T extends ClientMessageType>(type: T, payload: ClientPayloads[T]) => {
    if (socket.readyState !== WebSocket.OPEN) return Promise.reject(new ConnectionClosed(1006, 'not open'));
    const { frame, answer } = pending.add(type, payload);
    socket.send(JSON.stringify(frame));
    return answer as Promise<ClientReplies[T]>; // the contract says which answer belongs to which message
  };
  const on: RoomConnection['on'] = (type, listener) => {
    const heard = listeners.get(type) ?? new Set();
    listeners.set(type, heard.add(listener));
    return () => heard.delete(listener);
  };
  const welcome = await welcomed.promise;
  return { ...messageMethods(send), welcome, on, closed: closed.promise, close: () => socket.close() };
}

/** Nothing but the close follows these, and they say why. */
function isLastWord(
  message: ServerMessage,
): message is ServerMessage<'admission.denied' | 'room.closed' | 'session.kicked'> {
  return ['admission.denied', 'room.closed', 'session.kicked'].includes(message.type);
}
