import type { MessageHandlersOf, Metadata } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Hub } from '../../rooms/hub.ts';

const maxMetadataBytes = 1024;
const defaultPageSize = 100;

/** What clients say about themselves, and who is there. */
export function presenceHandlers(hub: Hub): MessageHandlersOf<'presence', Connection> {
  return {
    'presence.update': (sender, change) => {
      if (change.metadata !== undefined) checkSize(change.metadata);
      Object.assign(sender, change);
      const { clientId } = sender;
      hub.announce(sender, 'presence.updated', { clientId, ...change }, { from: clientId, except: sender });
    },
    'presence.list': (sender, { cursor = '0', limit = defaultPageSize }) => {
      // One more than asked for tells whether there is another page.
      const page = hub.roster(sender, Number(cursor), limit + 1);
      const participants = page.slice(0, limit).map((member) => hub.participant(member));
      const last = participants.at(-1);
      return page.length > limit && last
        ? { participants, nextCursor: String(last.order) }
        : { participants };
    },
  };
}

/** Each participant's metadata is in every roster, so its size is bounded as a whole, which no schema can say. */
function checkSize(metadata: Metadata): void {
  if (Buffer.byteLength(JSON.stringify(metadata)) <= maxMetadataBytes) return;
  const message = `must NOT be longer than ${maxMetadataBytes} bytes as JSON`;
  const errors = [{ pointer: '/payload/metadata', message }];
  throw new SignalboxError('invalid_message', 'The message breaks the contract.', { errors });
}
