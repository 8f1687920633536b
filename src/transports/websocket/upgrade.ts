import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Server, type ServerOptions, WebSocketServer } from 'ws';
import type { Connection, Outlet, Place } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Frame } from '../../rooms/frame.ts';
import type { Identity } from '../../rooms/identity.ts';
import { type Ready, whenFailed, whenReady } from '../../rooms/ready.ts';
import type { Guards } from '../guards/guards.ts';
import { checkHead, rawPathOf, requestIdOf } from '../guards/head.ts';
import { endWithRefusal, toRefusal } from '../problem.ts';
import { formerSession, type Sessions } from './former.ts';
import { readHandshake, type Wanted } from './handshake.ts';
import type { Heartbeat } from './heartbeat.ts';
import { Flusher, Outbox } from './outbox.ts';
import { OwnedWebSocket } from './owned-websocket.ts';
import { Session, type SessionParts } from './session.ts';
import { Socket, type SocketParts } from './socket.ts';
import { Turnstile, type TurnstileLimits } from './turnstile.ts';

/** What the upgrade needs. */
export interface UpgradeParts extends Sessions {
  readonly guards: Guards;
  readonly isDraining: () => boolean;
  /** Checks a verified client against a room, and has `open` let it in; throws when it refuses, or `open` does. */
  readonly enter: (
    identity: Identity,
    place: Place,
    address: string,
    open: (clientId: string) => Ready<Connection>,
    former: Connection | undefined,
  ) => Promise<void>;
  readonly join: (
    clientId: string,
    identity: Identity,
    place: Place,
    outlet: Outlet,
    address: string,
    former: Connection | undefined,
  ) => Ready<Connection>;
  /** Checks a verified client that comes back, and has `open` let it; `false`: it cannot come back any more. */
  readonly reenter: (
    connection: Connection,
    identity: Identity,
    address: string,
    open: (address: string) => Ready<boolean>,
  ) => Promise<boolean>;
  readonly resume: (connection: Connection, address: string, attach: (welcome: Frame) => void) => void;
  readonly socket: SocketParts;
  readonly session: SessionParts;
  readonly heartbeat: Heartbeat;
  readonly handshakes: TurnstileLimits;
  readonly limits: { readonly maxMessageBytes: number; readonly maxFragments: number };
  /** Hears of what failed without being the client's fault. */
  readonly onFault: (error: unknown, requestId: string, request: string) => void;
}

/** Whom the checks have let through. */
interface Newcomer {
  readonly identity: Identity;
  readonly place: Place;
  readonly address: string;
  readonly wanted: Wanted | undefined;
}

const protocol = 'signal.v1';
/** How long a client may take to answer a close, before its connection is cut. */
const closeTimeoutMs = 1_000;

/** Turns requests into sockets: the checks in the order that the OpenAPI document gives, and then the join. */
export class Upgrade {
  readonly #parts: UpgradeParts;
  readonly #server: Server<typeof OwnedWebSocket>;
  readonly #flusher = new Flusher();
  readonly #turnstile: Turnstile;
  /** Those who were let in, and have not come yet. */
  readonly #joining = new Set<Promise<Connection>>();

  constructor(parts: UpgradeParts) {
    this.#parts = parts;
    this.#turnstile = new Turnstile(parts.handshakes, parts.socket.steadyNow);
    this.#server = new WebSocketServer(serverOptions(parts.limits));
    this.#server.on('headers', (headers, request) => headers.push(`X-Request-Id: ${requestIdOf(request)}`));
  }

  /** Answers one upgrade request, with 101 or with a problem. Never throws or rejects. */
  async handle(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const requestId = requestIdOf(request);
    // Kept for both: the `headers` event sees the request alone, and a refusal needs the same id.
    request.headers['x-request-id'] = requestId;
    socket.on('error', ignore);
    let isUpgraded = false;
    /** Upgrades, unless the client has gone; what `use` does with the socket is done in the same tick. */
    const upgrade = <T>(use: (ws: OwnedWebSocket, outbox: Outbox) => T): T => {
      refuseWhileDraining(this.#parts.isDraining); // it may have begun meanwhile
      if (socket.destroyed) throw gone();
      socket.off('error', ignore);
      let used: { readonly result: T } | undefined;
      this.#server.handleUpgrade(request, socket, head, (ws) => {
        isUpgraded = true;
        used = { result: use(ws, new Outbox(socket, this.#flusher)) };
      });
      if (used === undefined) throw gone();
      return used.result;
    };
    try {
      refuseWhileDraining(this.#parts.isDraining);
      await this.#turnstile.run(async () => {
        const newcomer = await this.#check(request);
        const former = await formerSession(newcomer, this.#parts);
        const session = former?.session;
        if (session !== undefined && (await this.#reenter(session, newcomer, request, upgrade))) return;
        const { identity, place, address } = newcomer;
        const open = (clientId: string) =>
          upgrade((ws, outbox) => this.#open(ws, outbox, request, newcomer, clientId, former?.connection));
        await this.#parts.enter(identity, place, address, open, former?.connection);
      });
    } catch (error) {
      if (isUpgraded || socket.destroyed) return; // told by its close code, or beyond being told
      if (!(error instanceof SignalboxError)) this.#reportFault(error, request);
      endWithRefusal(socket, toRefusal(error, requestId));
    }
  }

  /** Resolves when nobody is about to come any more who was let in; no later than by the deadline. */
  async joined(deadlineMs: number): Promise<void> {
    let deadline: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      deadline = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([Promise.allSettled(this.#joining), late]);
    clearTimeout(deadline);
  }

  /** Resolves when all sockets have closed; those that have not by the deadline are cut. */
  async closed(deadlineMs: number): Promise<void> {
    const { clients } = this.#server;
    const deadline = setTimeout(() => {
      for (const ws of clients) ws.terminate();
    }, deadlineMs);
    await Promise.all(Array.from(clients, (ws) => new Promise((resolve) => ws.once('close', resolve))));
    clearTimeout(deadline);
  }

  async #check(request: IncomingMessage): Promise<Newcomer> {
    const { guards, isDraining } = this.#parts;
    refuseWhileDraining(isDraining);
    checkHead(request);
    const handshake = readHandshake(request);
    const identity = await guards.identify(request, ['query', 'subprotocol']);
    return { ...handshake, identity, address: guards.addressOf(request) };
  }

  /** Has a client go on with its session; `false` where it cannot. */
  async #reenter(
    session: Session,
    { identity, address, wanted }: Newcomer,
    request: IncomingMessage,
    upgrade: (use: (ws: OwnedWebSocket, outbox: Outbox) => void) => void,
  ): Promise<boolean> {
    const { connection } = session;
    const { received = 0 } = wanted ?? {};
    if (connection === undefined || !session.canResume(received)) return false;
    return this.#parts.reenter(connection, identity, address, (from) => {
      // It may have ended meanwhile, or lack too much by now.
      if (this.#parts.find(connection.clientId) !== connection || !session.canResume(received)) return false;
      upgrade((ws, outbox) => {
        const socket = new Socket(ws, outbox, this.#parts.socket);
        const attach = (welcome: Frame) => session.resume(socket, received, welcome);
        void whenFailed(
          () => this.#parts.resume(connection, from, attach),
          (error) => this.#refuse(socket, error, request),
        );
        if (socket.open(session)) this.#parts.heartbeat.watch(socket, connection);
      });
      return true;
    });
  }

  #open(
    ws: OwnedWebSocket,
    outbox: Outbox,
    request: IncomingMessage,
    { identity, place, address }: Newcomer,
    clientId: string,
    former: Connection | undefined,
  ): Ready<Connection> {
    const socket = new Socket(ws, outbox, this.#parts.socket);
    const session = new Session(socket, this.#parts.session);
    const joining = () => {
      const joined = this.#parts.join(clientId, identity, place, session, address, former);
      if (joined instanceof Promise) socket.hold();
      return whenReady(joined, (connection) => {
        session.begin(connection);
        if (socket.open(session)) this.#parts.heartbeat.watch(socket, connection);
        return connection;
      });
    };
    const joined = whenFailed(joining, (error) => this.#refuse(socket, error, request));
    if (!(joined instanceof Promise)) return joined;
    this.#joining.add(joined);
    return joined.finally(() => this.#joining.delete(joined));
  }

  /** The 101 is on its way: all that is left to say is a close code. */
  #refuse(socket: Socket, error: unknown, request: IncomingMessage): void {
    // Something came in between: the next handshake will say what.
    if (error instanceof SignalboxError) return socket.close('restarting');
    this.#reportFault(error, request);
    socket.close('internal');
  }

  #reportFault(error: unknown, request: IncomingMessage): void {
    this.#parts.onFault(error, requestIdOf(request), `${request.method} ${rawPathOf(request)}`);
  }
}

/** The types lag behind the library, which knows `closeTimeout`. */
type Options = ServerOptions<typeof OwnedWebSocket> & { readonly closeTimeout: number };

function serverOptions({ maxMessageBytes, maxFragments }: UpgradeParts['limits']): Options {
  return {
    noServer: true,
    WebSocket: OwnedWebSocket,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    maxFragments,
    closeTimeout: closeTimeoutMs,
    handleProtocols: (offered) => (offered.has(protocol) ? protocol : false),
  };
}

function refuseWhileDraining(isDraining: () => boolean): void {
  if (isDraining()) throw new SignalboxError('draining', 'The server is stopping.');
}

function gone(): SignalboxError {
  return new SignalboxError('bad_request', 'The client has gone.');
}

function ignore(): void {}
