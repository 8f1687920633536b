import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { v7 as uuidv7 } from 'uuid';
import { httpLimits, routes } from '../generated/operations.ts';
import { developmentSecret } from './auth/development.ts';
import type { VerificationKeys } from './auth/keys.ts';
import { createVerifier } from './auth/tokens.ts';
import type { Config } from './config.ts';
import { Drain } from './drain.ts';
import { messageHandlers } from './handlers/messages/index.ts';
import { operationHandlers } from './handlers/operations/index.ts';
import { addressKey } from './limits/address.ts';
import { checkedPolicy } from './limits/policy.ts';
import { Admission } from './rooms/admission.ts';
import type { BanStore } from './rooms/ban-store.ts';
import type { Clock } from './rooms/clock.ts';
import { openDomain } from './rooms/domain.ts';
import type { RoomEvent } from './rooms/events.ts';
import type { Identity } from './rooms/identity.ts';
import { whenReady } from './rooms/ready.ts';
import { ConfigError } from './settings.ts';
import { connectShared } from './shared.ts';
import { createTelemetry, type Telemetry, type TelemetryEvent } from './telemetry.ts';
import { Guards } from './transports/guards/guards.ts';
import { createApp } from './transports/http/app.ts';
import { answerBrokenRequest } from './transports/http/broken.ts';
import { closingAfterAnswers } from './transports/http/last-answers.ts';
import { Dispatch } from './transports/websocket/dispatch.ts';
import { Floods } from './transports/websocket/floods.ts';
import { Heartbeat } from './transports/websocket/heartbeat.ts';
import { Upgrade } from './transports/websocket/upgrade.ts';

/** Parts that a caller may put in the place of the usual ones. */
export interface ServerParts {
  /** The clock, in epoch milliseconds. */
  readonly now?: () => number;
  /** How to wait for what ends of itself: presence windows, and those of lost sessions. */
  readonly later?: Clock['later'];
  /** Hears of events instead of the log. */
  readonly report?: (event: TelemetryEvent) => void;
  /** What tokens are verified with in development mode; by default a new secret. */
  readonly developmentSecret?: string;
  /** Who is kept out, for all who share the store. */
  readonly bans?: BanStore;
  /** Whether the server is cut off from what it shares with other nodes; `/readyz` says so. */
  readonly isDegraded?: () => boolean;
  /** How long Redis may take to answer; by default as short as it is promised. */
  readonly redisTimeoutMs?: number;
}

/** A server that listens. */
export interface RunningServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /**
   * Sends all clients away, while HTTP goes on: `/readyz` answers 503 from now on, and upgrades do after `DRAIN_DELAY_MS`.
   * Then each client is told when its socket will close, it does (1012), and the session ends, unless another node takes
   * it over. Resolves when all have ended, within 27 s of the delay; a second call waits for the same.
   */
  drain(): Promise<void>;
  /** Drains, and then stops listening. */
  stop(): Promise<void>;
}

/** Starts a server: the one place where the parts meet. Rejects if it cannot listen. */
export async function startServer(config: Config, parts: ServerParts = {}): Promise<RunningServer> {
  const { now = Date.now, later = waitUnref } = parts;
  const telemetry: Telemetry = parts.report
    ? { report: parts.report, flush: async () => {} }
    : createTelemetry(config.logLevel);
  const { report } = telemetry;
  // Silence and budgets go by a clock that nobody sets, unless a caller brings the one clock for all.
  const steadyNow = parts.now ?? (() => performance.now());
  const drain = new Drain(config.drainDelayMs, report);
  const { isStopping, isDraining } = drain;

  const { verify } = createVerifier({
    keys: verificationKeys(config, parts),
    issuer: config.issuer,
    audience: config.audience,
    now,
    onKeysUnavailable: (error) => report({ type: 'keys.unavailable', error }),
  });
  const clock = { now, later };
  const shared = await connectShared(config, report, clock, steadyNow, parts.redisTimeoutMs);
  const isDegraded = () => shared.isDegraded() || parts.isDegraded?.() === true;
  const guards = new Guards({
    origins: {
      allowed: config.allowedOrigins,
      development: config.development,
      requiredOnUpgrade: config.requireOrigin,
    },
    trustedProxies: config.trustedProxies,
    failures: shared.failures,
    verify,
  });

  const heartbeatSettings = { intervalMs: config.heartbeatIntervalMs, timeoutMs: config.heartbeatTimeoutMs };
  const iceServers = config.stunUrls.length > 0 ? [{ urls: [...config.stunUrls] }] : [];
  const welcome = {
    resumeWindowMs: config.resumeWindowMs,
    iceServers,
    heartbeat: heartbeatSettings,
    limits: { maxMessageBytes: config.maxMessageBytes },
  };

  const { limits, quota, idempotency, node } = shared;
  const heed = (event: RoomEvent) => {
    admission.heed(event);
    shared.heed(event);
    report(event);
  };
  const stores = { ...shared, ...(parts.bans && { bans: parts.bans }) };
  const domain = openDomain(stores, { ...config, welcome }, uuidv7, heed, clock);
  const { views, membership, absence, exclusion, door, rooms } = domain;
  const directory = shared.directory(views);
  const floods = new Floods(limits, report);
  const checkFloods = (identity: Identity) => floods.check(identity);
  const admission = new Admission({ rooms, door, exclusion, quota, checkFloods, node, now });
  await shared.start(domain.receive);
  for (const route of Object.values(routes)) if ('limit' in route) checkedPolicy(route.limit);
  const app = await createApp({
    handlers: operationHandlers({
      ...domain,
      ...{ directory, admission, idempotency, isStopping, isDraining, isDegraded, audit: report, now },
    }),
    guards,
    limits,
    report,
  });

  const messages = messageHandlers({ ...domain, iceServers, verify, now });
  const heartbeat = new Heartbeat(heartbeatSettings, now, steadyNow);
  const upgrade = new Upgrade({
    guards,
    isDraining,
    enter: (identity, place, address, open, former) =>
      admission.enter(identity, place, addressKey(address), open, former),
    join: (clientId, identity, place, outlet, address, former) =>
      membership.join(clientId, identity, place, outlet, addressKey(address), former),
    find: (clientId) => views.connection(clientId),
    reenter: (connection, identity, address, open) =>
      admission.resume(connection, identity, addressKey(address), (from) =>
        whenReady(membership.refresh(connection, identity), () => open(from)),
      ),
    resume: (connection, address, attach) => absence.resume(connection, address, attach),
    socket: { forget: (socket) => heartbeat.forget(socket), report, steadyNow },
    session: {
      dispatch: new Dispatch(messages, (sender) => views.role(sender), now),
      leave: (connection, reason) => membership.leave(connection, reason),
      lose: (connection, reason) => absence.lose(connection, reason),
      flooded: (connection) => void floods.record(connection),
      budgetScale: config.messageBudgetScale,
      replay: config.resumeWindowMs > 0 ? config.resumeBuffer : undefined,
      report,
      steadyNow,
    },
    heartbeat,
    limits: config,
    onFault: (error, requestId, request) => report({ type: 'request.failed', requestId, request, error }),
  });

  const server = createServer(
    {
      maxHeaderSize: httpLimits.maxHeaderBytes,
      headersTimeout: config.headersTimeoutMs,
      // How soon after its deadline a slow request is noticed.
      connectionsCheckingInterval: Math.min(1_000, config.headersTimeoutMs),
      // Any other upgrade, such as curl's offer of h2c, is served as the plain request that it also is.
      shouldUpgradeCallback: ({ headers, url }) =>
        headers.upgrade?.toLowerCase() === 'websocket' && url?.startsWith('/ws/') === true,
      requireHostHeader: false, // the guards do, and answer with a problem
    },
    app,
  );
  const closeHttp = closingAfterAnswers(server);
  server.on('checkExpectation', app); // what is expected beyond `100-continue` is ignored (RFC 9110, section 10.1.1)
  server.maxHeadersCount = 0; // counted by the guards, where one too many is refused rather than dropped
  server.on('upgrade', (request, socket: Duplex, head) => void upgrade.handle(request, socket, head));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) =>
    answerBrokenRequest(error, socket),
  );

  /** A start that fails leaves nothing behind. */
  async function leave(error: unknown): Promise<never> {
    server.close();
    await shared.stop();
    throw error;
  }

  const { port } = await listen(server, config).catch(leave);
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  await warmUp(url).catch(leave);
  report({ type: 'server.started', url });

  const empty = () => drain.run({ domain, upgrade, shared });

  async function stop(): Promise<void> {
    const isEmpty = await empty();
    heartbeat.stop();
    await closeHttp();
    await shared.stop(isEmpty);
    report({ type: 'server.stopped' });
    await telemetry.flush();
  }

  return { host: config.host, port, url, drain: async () => void (await empty()), stop };
}

/** Nothing that only waits keeps the process alive. */
function waitUnref(run: () => void, ms: number): void {
  setTimeout(run, ms).unref();
}

/** The validator reads the contract at its first request, which had better not be a user's. */
async function warmUp(url: string): Promise<void> {
  const { status } = await fetch(url + routes.getHealth.path);
  if (status !== routes.getHealth.success) throw new Error(`the server does not answer itself: ${status}`);
}

function verificationKeys({ keys }: Config, parts: ServerParts): VerificationKeys {
  if (keys.kind !== 'development') return keys;
  return { kind: 'secret', secret: parts.developmentSecret ?? developmentSecret() };
}

function listen(server: Server, { port, host }: Config): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const fail = ({ message }: Error) => reject(new ConfigError(`HOST, PORT: cannot listen: ${message}`));
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address);
    });
  });
}
