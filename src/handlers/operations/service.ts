import type { OperationHandlersOf } from '../../../generated/operations.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Caller } from './caller.ts';

/** For load balancers and orchestrators. */
export function serviceOperations(isDraining: () => boolean) {
  return {
    getHealth: () => ({ status: 'ok' }),
    getReadiness: () => {
      if (isDraining()) throw new SignalboxError('draining', 'The server is stopping.');
      return { status: 'ok' };
    },
  } satisfies OperationHandlersOf<'service', Caller>;
}
