import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Hub } from '../../rooms/hub.ts';
import type { News } from '../../rooms/news.ts';
import type { RoomStore } from '../../rooms/room-store.ts';

/** What participants say that they send, and hosts asking them to stop. Nothing of it is enforced. */
export function mediaHandlers(hub: Hub, news: News, rooms: RoomStore) {
  return {
    'media.update': (sender, change) => {
      sender.media = { ...sender.media, ...change };
      const { clientId, media } = sender;
      const said = { type: 'media.updated', payload: { clientId, media } } as const;
      rooms.update(sender, said, () => news.said(sender, said));
    },
    'media.muteRequest': (sender, { to, source }) => {
      if (to !== 'all') hub.relay(sender, to, 'media.muteRequested', { source });
      else {
        const options = { from: sender.clientId, except: sender };
        hub.announce(sender, 'media.muteRequested', { source }, options);
      }
    },
  } satisfies MessageHandlersOf<'media', Connection>;
}
