import type { OperationHandlersOf } from '../../../generated/operations.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Caller } from './caller.ts';

/**
 * For load balancers and orchestrators.
 *
 * @param isDegraded whether the server is cut off from what it shares with other nodes
 */
export function serviceOperations(isDraining: () => boolean, isDegraded: () => boolean) {
  return {
    getHealth: () => ({ status: 'ok' }),
    getReadiness: () => {
      if (isDraining()) throw new SignalboxError('draining', 'The server is stopping.');
      if (isDegraded()) throw new SignalboxError('degraded', 'What the nodes share is out of reach.');
      return { status: 'ok' };
    },
  } satisfies OperationHandlersOf<'service', Caller>;
}
