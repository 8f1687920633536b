import type {
  ClientReplies,
  ExactHandlers,
  IceServer,
  MessageHandlers,
} from '../../../generated/messages.ts';
import type { ChatStore } from '../../rooms/chat-store.ts';
import type { Closing } from '../../rooms/closing.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Source } from '../../rooms/frame.ts';
import type { Hub } from '../../rooms/hub.ts';
import type { Identity } from '../../rooms/identity.ts';
import type { Membership } from '../../rooms/membership.ts';
import type { Moderation } from '../../rooms/moderation.ts';
import type { News } from '../../rooms/news.ts';
import type { RoomStore } from '../../rooms/room-store.ts';
import type { Views } from '../../rooms/views.ts';
import { chatHandlers } from './chat.ts';
import { hostHandlers } from './host.ts';
import { iceHandlers } from './ice.ts';
import { mediaHandlers } from './media.ts';
import { participantHandlers } from './participant.ts';
import { presenceHandlers } from './presence.ts';
import { roomHandlers } from './room.ts';
import { screenHandlers } from './screen.ts';
import { sessionHandlers } from './session.ts';
import { signalHandlers } from './signal.ts';
import { waitingHandlers } from './waiting.ts';

/** What the handlers of messages need. */
export interface MessageParts {
  readonly views: Views;
  readonly rooms: RoomStore;
  readonly hub: Hub;
  readonly news: News;
  readonly membership: Membership;
  readonly closing: Closing;
  readonly moderation: Moderation;
  readonly history: ChatStore;
  readonly iceServers: readonly IceServer[];
  readonly verify: (token: string) => Promise<Identity>;
  readonly now: () => number;
}

/** The handler of every client message. The table has no prototype: a message cannot be called `constructor`. */
export function messageHandlers(parts: MessageParts): MessageHandlers<Connection, Source> {
  const { views, rooms, hub, news, membership, closing, moderation, history, iceServers, verify, now } =
    parts;
  const handlers = {
    ...sessionHandlers(membership, verify, now),
    ...presenceHandlers(views, news, rooms),
    ...signalHandlers(hub),
    ...mediaHandlers(hub, news, rooms),
    ...screenHandlers(moderation),
    ...chatHandlers(views, hub, history, now),
    ...hostHandlers(moderation),
    ...participantHandlers(moderation),
    ...roomHandlers(closing, moderation),
    ...waitingHandlers(moderation),
    ...iceHandlers(iceServers),
  };
  // What the parts return is looked at once more: a reply with a property too many does not compile.
  const exact: MessageHandlers<Connection, Source> = handlers satisfies ExactHandlers<
    typeof handlers,
    ClientReplies
  >;
  return Object.setPrototypeOf(exact, null);
}
