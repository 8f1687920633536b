import cors from 'cors';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import {
  httpLimits,
  type OperationHandlers,
  pages,
  type Route,
  routes,
  upgrades,
} from '../../../generated/operations.ts';
import type { LimitStore } from '../../limits/limit-store.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Report } from '../../rooms/events.ts';
import type { Guards } from '../guards/guards.ts';
import { checkHead, requestIdOf } from '../guards/head.ts';
import { toRefusal, writeRefusal } from '../problem.ts';
import { docsRouter } from './docs.ts';
import { rehearse } from './rehearsal.ts';
import { expressPath, type HttpCaller, operationsRouter } from './router.ts';
import { toContractError, validateByContract } from './validate.ts';

const everyRoute: readonly Route[] = [
  ...Object.values(routes),
  ...Object.values(pages),
  ...Object.values(upgrades),
];

/** A request that the server failed to answer. */
export interface RequestFailed {
  readonly type: 'request.failed';
  readonly requestId: string;
  readonly request: string;
  readonly error: unknown;
}

/** What the HTTP side needs. */
export interface AppParts {
  readonly handlers: OperationHandlers<HttpCaller>;
  readonly guards: Guards;
  readonly limits: LimitStore;
  readonly report: Report<RequestFailed>;
}

/** The Express application: everything of the OpenAPI document but the upgrades that succeed. Resolves when it is warm. */
export async function createApp({ handlers, guards, limits, report }: AppParts): Promise<Express> {
  const validation = validateByContract();
  await rehearse(validation);
  const app = express();
  app.disable('x-powered-by');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.set('query parser', 'simple');
  app.disable('etag'); // an answer of the API is of the moment; 304 is for files
  app.use(identifyRequest, securityHeaders, refuseForeignPages(guards), allowOrigin);
  app.use(headAsGet, operationsRouter(handlers, guards, limits, validation), docsRouter());
  for (const { path } of Object.values(upgrades)) app.get(expressPath(path), requireUpgrade);
  for (const path of new Set(everyRoute.map((route) => route.path))) {
    app.all(expressPath(path), refuseMethod(everyRoute.filter((route) => route.path === path)));
  }
  app.use(({ path }) => {
    throw new SignalboxError('not_found', `There is nothing at ${path}.`);
  });
  app.use(answerError(report));
  return app;
}

const identifyRequest: RequestHandler = (request, response, next) => {
  const requestId = requestIdOf(request);
  response.locals.requestId = requestId;
  response.set('X-Request-Id', requestId);
  checkHead(request);
  next();
};

/** Pages load nothing but the server's own files, and no style or script that stands in a page. */
const securityHeaders: RequestHandler = helmet({
  strictTransportSecurity: false, // the business of whoever terminates TLS
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      connectSrc: ["'self'"],
      imgSrc: ['data:'], // the docs' icons
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
});

/** The first of the guards for whatever carries an `Origin`; what needs a token is checked again in order. */
function refuseForeignPages(guards: Guards): RequestHandler {
  return (request, _response, next) => {
    guards.checkOrigin(request);
    next();
  };
}

/** Whoever comes this far with an `Origin` is allowed. Answers OPTIONS of every path. */
const allowOrigin: RequestHandler = cors({
  origin: true,
  methods: [...new Set(everyRoute.map(({ method }) => method.toUpperCase())), 'HEAD'],
  exposedHeaders: [
    ...['X-Request-Id', 'Link', 'Signalbox-Partial', 'Retry-After', 'RateLimit-Policy', 'RateLimit'],
    ...['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'],
  ],
  maxAge: 600,
});

/** Answered as GET is; Node leaves the body out. The validator would refuse the method. */
const headAsGet: RequestHandler = (request, _response, next) => {
  if (request.method === 'HEAD') request.method = 'GET';
  next();
};

const requireUpgrade: RequestHandler = () => {
  throw new SignalboxError('upgrade_required', 'Open this address as a WebSocket.');
};

function refuseMethod(known: readonly Route[]): RequestHandler {
  const methods = known.flatMap(({ method }) =>
    method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
  );
  const allow = [...methods, 'OPTIONS'].join(', ');
  return ({ method }) => {
    throw new SignalboxError('method_not_allowed', `${method} is not among ${allow}.`, {
      headers: { Allow: allow },
    });
  };
}

function answerError(report: Report<RequestFailed>): ErrorRequestHandler {
  return (thrown, request, response, _next) => {
    const error = toKnownError(toContractError(thrown));
    const requestId: string = response.locals.requestId;
    if (!(error instanceof SignalboxError)) {
      report({ type: 'request.failed', requestId, request: `${request.method} ${request.path}`, error });
    }
    if (response.headersSent) response.destroy();
    else writeRefusal(response, toRefusal(error, requestId));
  };
}

/** What Express's own parts throw: the body parser, and the decoding of a path. */
function toKnownError(error: unknown): unknown {
  if (error instanceof SignalboxError || !(error instanceof Error) || !('status' in error)) return error;
  if (error.status === 413)
    return new SignalboxError('payload_too_large', `The body is over ${httpLimits.maxBodyBytes} bytes.`);
  if (error.status === 415) return new SignalboxError('unsupported_media_type', 'Send application/json.');
  if (error.status === 400)
    return new SignalboxError('bad_request', `The request cannot be read: ${error.message}`);
  return error;
}
