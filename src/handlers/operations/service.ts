import type { OperationHandlersOf } from '../../../generated/operations.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Caller } from './caller.ts';

/**
 * For load balancers and orchestrators.
 *
 * @param isStopping whether the server was told to stop
 * @param isDegraded whether the server is cut off from what it shares with other nodes
 */
export function serviceOperations(isStopping: () => boolean, isDegraded: () => boolean) {
  return {
    getHealth: () => ({ status: 'ok' }),
    getReadiness: () => {
      if (isStopping()) throw new SignalboxError('draining', 'The server is stopping.');
      if (isDegraded()) throw new SignalboxError('degraded', 'What the nodes share is out of reach.');
      return { status: 'ok' };
    },
  } satisfies OperationHandlersOf<'service', Caller>;
}
