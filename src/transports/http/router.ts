import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import {
  httpLimits,
  type OperationHandlers,
  type OperationId,
  type OperationRequest,
  type Route,
  routes,
} from '../../../generated/operations.ts';
import type { LimitStore } from '../../limits/limit-store.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Identity } from '../../rooms/identity.ts';
import type { CredentialPlace } from '../guards/credentials.ts';
import type { Guards } from '../guards/guards.ts';
import { rawPathOf } from '../guards/head.ts';
import { writeBody } from './body.ts';
import { countCall } from './limit.ts';
import type { ContractValidation } from './validate.ts';

/** Who calls an operation, as its handler gets to know it. */
export interface HttpCaller {
  readonly identity: Identity;
  readonly requestId: string;
  /** The address that the call came from. */
  readonly address: string;
  /** Leads to the next page of an answer: its address, relative to the server. */
  readonly linkNext: (address: string) => void;
  /** Says that a list is not complete, since some of it cannot be read; to be called before the list is returned. */
  readonly partial: () => void;
}

/**
 * The operations of the contract, each behind the same steps: who calls, whether it may, how often, and whether
 * the request keeps the contract. The order matters: no body is read of one who may not call.
 */
export function operationsRouter(
  handlers: OperationHandlers<HttpCaller>,
  guards: Guards,
  limits: LimitStore,
  validation: ContractValidation,
): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const parseBody = express.json({ limit: httpLimits.maxBodyBytes, inflate: false });
  for (const id of Object.keys(routes) as OperationId[]) {
    const route: Route = routes[id];
    const steps: RequestHandler[] = [
      ...(route.auth === 'token' ? [authorize(route, guards, limits)] : []),
      ...(route.body ? [parseBody] : []),
      ...validation.steps,
    ];
    router[route.method](expressPath(route.path), ...steps, answer(id, route, handlers, guards, validation));
  }
  return router;
}

/** `/rooms/{roomId}` as Express writes it. */
export function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** Admin operations take the token in the header alone; what any token may ask, takes it from the query too. */
function authorize({ scope, limit }: Route, guards: Guards, limits: LimitStore): RequestHandler {
  const places: CredentialPlace[] = scope === undefined ? ['authorization', 'query'] : ['authorization'];
  return async (request, response, next) => {
    const identity = await guards.identify(request, places);
    if (scope !== undefined && !identity.scopes.has(scope)) {
      throw new SignalboxError('insufficient_scope', `The token lacks the scope ${scope}.`);
    }
    if (limit !== undefined) await countCall(response, limit, limits, identity.subjectKey);
    response.locals.identity = identity;
    next();
  };
}

function answer<Id extends OperationId>(
  id: Id,
  { success }: Route,
  handlers: OperationHandlers<HttpCaller>,
  guards: Guards,
  { bodyCheck }: ContractValidation,
): RequestHandler {
  // `CallerOf` is undefined where no token is asked for; a handler that knows no caller takes one and ignores it.
  const handler = handlers[id] as unknown as (request: OperationRequest<Id>, caller: HttpCaller) => unknown;
  return async (request: Request, response: Response) => {
    checkRawRoomId(request);
    // Validated against the contract by now, so this is the type that the contract says.
    const { params, query, headers, body } = request as unknown as OperationRequest<Id>;
    const { identity, requestId } = response.locals;
    const linkNext = (address: string) => response.set('Link', `<${address}>; rel="next"`);
    const partial = () => response.set('Signalbox-Partial', 'true');
    const caller: HttpCaller = {
      identity,
      requestId,
      address: guards.addressOf(request),
      linkNext,
      partial,
    };
    const reply = await handler({ params, query, headers, body }, caller);
    response.status(success);
    if (reply === undefined) response.end();
    else await writeBody(response, reply, () => bodyCheck(request, response));
  };
}

/** A room id counts as it is written: one that was percent-encoded is refused, as on the upgrade. */
function checkRawRoomId(request: Request): void {
  const { roomId } = request.params;
  if (roomId === undefined || !rawPathOf(request).includes('%')) return;
  const errors = [{ pointer: '/path/roomId', message: 'must not be percent-encoded' }];
  throw new SignalboxError('bad_request', 'The request breaks the contract.', { errors });
}
