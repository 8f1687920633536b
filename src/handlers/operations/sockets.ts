import type { OperationHandlersOf } from '../../../generated/operations.ts';
import type { Place } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Identity } from '../../rooms/identity.ts';
import type { Caller } from './caller.ts';

/**
 * Asks what an upgrade would be answered, without upgrading.
 *
 * @param admit the check of a verified client against a room, as the upgrade runs it; throws when it refuses
 */
export function socketOperations(
  admit: (identity: Identity, place: Place, address: string) => Promise<void>,
  isDraining: () => boolean,
) {
  return {
    preflightConnect: async ({ params }, { identity, address }) => {
      if (isDraining()) throw new SignalboxError('draining', 'The server is stopping.');
      await admit(identity, params, address);
      return undefined;
    },
  } satisfies OperationHandlersOf<'sockets', Caller>;
}
