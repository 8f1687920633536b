import type { SessionWelcome } from '../../generated/messages.ts';
import {
  type ConnectOptions,
  connect,
  type RoomConnection,
  type RoomEvents,
} from '../../src/client/index.ts';
import { atScopeEnd } from '../support/scope.ts';
import { type ScriptedSocket, startScripted, welcomeOf } from './scripted-server.ts';

/** Attempts that do not keep a test waiting. */
export const soon = { baseDelayMs: 10, maxDelayMs: 20 };

/** A client that has joined as `client_1`, and the server's end of its first socket. */
export async function joined(more: Partial<ConnectOptions> = {}, welcome: Partial<SessionWelcome> = {}) {
  const server = await startScripted();
  const options = { url: server.url, channel: 'chat', roomId: 'r', token: 'a.b.c', reconnect: soon } as const;
  const connecting = connect({ ...options, ...more });
  const first = await server.next();
  first.send('session.welcome', welcomeOf('client_1', welcome));
  const room = await connecting;
  atScopeEnd(() => room.close());
  return { server, first, room };
}

/** The next event of a connection. */
export function once<T extends keyof RoomEvents>(room: RoomConnection, type: T): Promise<RoomEvents[T]> {
  return new Promise((resolve) => {
    const end = room.on(type, (event) => {
      end();
      resolve(event);
    });
  });
}

/** A chat message as the server sends it. */
export const message = (text: string) => ({
  messageId: text,
  userId: 'u',
  presenterName: 'U',
  text,
  private: false,
});
/** What a socket asks to go on with. */
export const asked = ({ query }: ScriptedSocket) => [query.get('resume'), query.get('received')];
