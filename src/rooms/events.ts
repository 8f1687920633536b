import type { Departure } from '../../generated/messages.ts';
import type { Connection } from './connection.ts';

/** What happened, for the log; the domain reports it and knows nothing of who listens. */
export type RoomEvent =
  | {
      /** A client waits to be let in, has joined, has lost its connection and may come back, or has come back. */
      readonly type: 'connection.waiting' | 'connection.joined' | 'connection.lost' | 'connection.resumed';
      readonly connection: Connection;
    }
  | {
      /** The session of one that had lost its connection has gone to another node, where the client is. */
      readonly type: 'connection.moved';
      readonly connection: Connection;
    }
  | {
      readonly type: 'connection.left';
      readonly connection: Connection;
      readonly reason: Departure['reason'];
    };

/** Hears of events; must not throw. */
export type Report<Event> = (event: Event) => void;
