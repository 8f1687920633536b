import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { News } from '../../rooms/news.ts';
import type { RoomStore } from '../../rooms/room-store.ts';
import type { Views } from '../../rooms/views.ts';

const defaultPageSize = 100;

/** What clients say about themselves, and who is there. */
export function presenceHandlers(views: Views, news: News, rooms: RoomStore) {
  return {
    'presence.update': (sender, change) => {
      Object.assign(sender, change);
      const said = { type: 'presence.updated', payload: { clientId: sender.clientId, ...change } } as const;
      rooms.update(sender, said, () => news.said(sender, said));
    },
    'presence.list': (sender, { cursor = '0', limit = defaultPageSize }) => {
      news.readRoster(sender);
      // One more than asked for tells whether there is another page.
      const page = views.roster(sender, Number(cursor), limit + 1);
      const participants = page.slice(0, limit).map((member) => views.participant(member));
      const last = participants.at(-1);
      return page.length > limit && last
        ? { participants, nextCursor: String(last.order) }
        : { participants };
    },
  } satisfies MessageHandlersOf<'presence', Connection>;
}
