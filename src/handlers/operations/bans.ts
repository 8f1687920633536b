import type { OperationHandlersOf } from '../../../generated/operations.ts';
import type { Ban } from '../../rooms/ban-store.ts';
import { timestamp } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Report } from '../../rooms/events.ts';
import type { Exclusion } from '../../rooms/exclusion.ts';
import type { AdminAction, Caller } from './caller.ts';

/** Who is kept out of which room. */
export function banOperations(exclusion: Exclusion, audit: Report<AdminAction>) {
  return {
    listBans: async () => (await exclusion.list()).values().map(toRestBan),

    liftBan: async ({ params: { banId } }, { identity, requestId }) => {
      const isLifted = await exclusion.lift(banId);
      if (!isLifted) throw new SignalboxError('ban_not_found', `No ban has the id ${banId}.`);
      audit({ type: 'admin.unbanned', by: identity.userId, requestId, target: banId, affected: 1 });
      return undefined;
    },
  } satisfies OperationHandlersOf<'bans', Caller>;
}

function toRestBan({ banId, roomId, channel, userId, reason, bannedBy, until }: Ban) {
  return {
    banId,
    roomId,
    ...(channel && { channel }),
    userId,
    ...(reason !== undefined && { reason }),
    bannedBy,
    until: timestamp(until),
  };
}
