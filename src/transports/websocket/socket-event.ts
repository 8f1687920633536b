import type { ClientMessage } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';

/** What happened on a socket, for the log. */
export type SocketEvent =
  | { readonly type: 'socket.closed'; readonly connection: Connection; readonly code: number }
  | {
      readonly type: 'socket.failed';
      readonly connection: Connection;
      /** What could not be carried out, where it was a message; its payload is not for the log. */
      readonly message?: Pick<ClientMessage, 'type' | 'id'>;
      readonly error: unknown;
    };
