import type { MessageHandlersOf } from '../../../generated/messages.ts';
import { type Connection, timestamp } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import { type Identity, mayJoin } from '../../rooms/identity.ts';
import type { Membership } from '../../rooms/membership.ts';
import { done } from '../../rooms/ready.ts';

/** The client's own session: signs of life, leaving, and a new token. */
export function sessionHandlers(
  membership: Membership,
  verify: (token: string) => Promise<Identity>,
  now: () => number,
) {
  return {
    'session.ping': (sender, { t, received }) => {
      if (received !== undefined) sender.outlet.received(received);
      return { t, serverTime: now() };
    },
    'session.leave': (sender) => {
      sender.outlet.finish('normal');
      return done(membership.leave(sender, 'left'));
    },
    'session.refreshToken': async (sender, { token }) => {
      const identity = await verify(token);
      if (identity.userId !== sender.identity.userId) {
        throw new SignalboxError('subject_mismatch', 'The new token belongs to another user.');
      }
      if (!mayJoin(identity, sender.roomId, sender.channel)) {
        throw new SignalboxError('not_allowed', 'The new token does not grant this room and channel.');
      }
      await membership.refresh(sender, identity);
      return { tokenExpiresAt: timestamp(identity.expiresAt) };
    },
  } satisfies MessageHandlersOf<'session', Connection>;
}
