import type { Departure } from '../../generated/messages.ts';
import type { Connection } from './connection.ts';

/** What happened, for the log; the domain reports it and knows nothing of who listens. */
export type RoomEvent =
  | { readonly type: 'connection.joined'; readonly connection: Connection }
  | {
      readonly type: 'connection.left';
      readonly connection: Connection;
      readonly reason: Departure['reason'];
    };

/** Hears of events; must not throw. */
export type Report<Event> = (event: Event) => void;
