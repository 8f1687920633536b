import type { OperationHandlersOf } from '../../../generated/operations.ts';
import { addressKey } from '../../limits/address.ts';
import type { Admission } from '../../rooms/admission.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Caller } from './caller.ts';

/** Asks what an upgrade would be answered, without upgrading. */
export function socketOperations(admission: Admission, isDraining: () => boolean) {
  return {
    preflightConnect: async ({ params }, { identity, address }) => {
      if (isDraining()) throw new SignalboxError('draining', 'The server is stopping.');
      await admission.check(identity, params, addressKey(address));
      return undefined;
    },
  } satisfies OperationHandlersOf<'sockets', Caller>;
}
