import { ErrorReply } from 'redis';
import { SignalboxError } from '../rooms/errors.ts';
import { isFenced } from './fence.ts';
import type { Redis } from './redis.ts';

/** What Redis says when it answers and cannot serve: it loads, is full, is a replica, or its Cluster is not whole. */
const unable =
  /^(LOADING|BUSY|OOM|MISCONF|READONLY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|UNKILLABLE)\b/;
/** How soon to come back: after that the connection has been tried again. */
const retryAfterMs = 1_000;

/**
 * The same Redis, whose failures are an answer that the contract names, `degraded`: the way to it, an answer that did not
 * come in time, and a Redis that cannot serve. The call may have been carried out all the same.
 *
 * What else Redis says, such as what a script of ours refuses or does wrong, is passed on as it is.
 */
export function sayingDegraded(redis: Redis): Redis {
  return {
    command: (...call) => redis.command(...call).catch(throwDegraded),
    run: (...call) => redis.run(...call).catch(throwDegraded),
    close: () => redis.close(),
  };
}

function throwDegraded(cause: unknown): never {
  if (cause instanceof ErrorReply && !unable.test(cause.message) && !isFenced(cause)) throw cause;
  throw new SignalboxError('degraded', 'What the nodes share is out of reach.', { retryAfterMs, cause });
}
