import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Server, type ServerOptions, WebSocketServer } from 'ws';
import type { Channel } from '../../../generated/messages.ts';
import openapi from '../../../generated/openapi.json' with { type: 'json' };
import { upgrades } from '../../../generated/operations.ts';
import type { Connection, Outlet, Place } from '../../rooms/connection.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Identity } from '../../rooms/identity.ts';
import { type Ready, whenFailed, whenReady } from '../../rooms/ready.ts';
import type { Guards } from '../guards/guards.ts';
import { checkHead, rawPathOf, rawValues, requestIdOf } from '../guards/head.ts';
import { endWithRefusal, toRefusal } from '../problem.ts';
import type { Heartbeat } from './heartbeat.ts';
import { Flusher, Outbox } from './outbox.ts';
import { OwnedWebSocket } from './owned-websocket.ts';
import { Socket, type SocketParts } from './socket.ts';
import { Turnstile, type TurnstileLimits } from './turnstile.ts';

/** What the upgrade needs. */
export interface UpgradeParts {
  readonly guards: Guards;
  readonly isDraining: () => boolean;
  /** Checks a verified client against a room, and has `open` let it in; throws when it refuses, or `open` does. */
  readonly enter: (
    identity: Identity,
    place: Place,
    address: string,
    open: (clientId: string) => Ready<Connection>,
  ) => Promise<void>;
  readonly join: (
    clientId: string,
    identity: Identity,
    place: Place,
    outlet: Outlet,
    address: string,
  ) => Ready<Connection>;
  readonly socket: SocketParts;
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
}

const roomIdPattern = new RegExp(openapi.components.schemas.RoomId.pattern);
/** 16 random bytes in base64 (RFC 6455, section 4.1). */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;
/** A token of RFC 9110, section 5.6.2, and the blanks around it. */
const subprotocolPattern = /^[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*$/;
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
    const open = (newcomer: Newcomer, clientId: string): Ready<Connection> => {
      refuseWhileDraining(this.#parts.isDraining); // it may have begun meanwhile
      if (socket.destroyed) throw gone();
      socket.off('error', ignore);
      let joined: Ready<Connection> | undefined;
      this.#server.handleUpgrade(request, socket, head, (ws) => {
        isUpgraded = true;
        joined = this.#open(ws, new Outbox(socket, this.#flusher), request, newcomer, clientId);
      });
      return joined ?? Promise.reject(gone());
    };
    try {
      refuseWhileDraining(this.#parts.isDraining);
      await this.#turnstile.run(async () => {
        const newcomer = await this.#check(request);
        const { identity, place, address } = newcomer;
        await this.#parts.enter(identity, place, address, (clientId) => open(newcomer, clientId));
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
    const place = placeOf(rawPathOf(request));
    checkHandshake(request);
    const identity = await guards.identify(request, ['query', 'subprotocol']);
    return { identity, place, address: guards.addressOf(request) };
  }

  #open(
    ws: OwnedWebSocket,
    outbox: Outbox,
    request: IncomingMessage,
    { identity, place, address }: Newcomer,
    clientId: string,
  ): Ready<Connection> {
    const socket = new Socket(ws, outbox, this.#parts.socket);
    // The 101 is on its way: all that is left to say is a close code.
    const refuse = (error: unknown) => {
      // Something came in between: the next handshake will say what.
      if (error instanceof SignalboxError) return socket.close('restarting');
      this.#reportFault(error, request);
      socket.close('internal');
    };
    const joining = () => {
      const joined = this.#parts.join(clientId, identity, place, socket, address);
      if (joined instanceof Promise) socket.hold();
      return whenReady(joined, (connection) => {
        if (socket.open(connection)) this.#parts.heartbeat.watch(socket, connection);
        return connection;
      });
    };
    const joined = whenFailed(joining, refuse);
    if (!(joined instanceof Promise)) return joined;
    this.#joining.add(joined);
    return joined.finally(() => this.#joining.delete(joined));
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

function placeOf(path: string): Place {
  const match = /^\/ws\/([^/]*)\/([^/]*)$/.exec(path);
  const channel = Object.keys(upgrades).find((name): name is Channel => name === match?.[1]);
  const roomId = match?.[2] ?? '';
  if (channel === undefined) throw new SignalboxError('not_found', 'There is no WebSocket at this address.');
  if (roomIdPattern.test(roomId)) return { roomId, channel };
  const errors = [{ pointer: '/path/roomId', message: `must match pattern "${roomIdPattern.source}"` }];
  throw new SignalboxError('bad_request', 'The request breaks the contract.', { errors });
}

/** What the library would refuse too, but in words of its own. */
function checkHandshake(request: IncomingMessage): void {
  const { method, headers } = request;
  if (method !== 'GET') throw new SignalboxError('bad_request', 'An upgrade must be a GET request.');
  if (headers['sec-websocket-version'] !== '13') {
    throw new SignalboxError('upgrade_required', 'Open this address as a WebSocket of version 13.');
  }
  if (!keyPattern.test(headers['sec-websocket-key'] ?? '')) {
    throw new SignalboxError('bad_request', 'Sec-WebSocket-Key must be 16 bytes in base64.');
  }
  const offered = rawValues(request, 'sec-websocket-protocol').flatMap((value) => value.split(','));
  const names = new Set(offered.map((name) => name.trim()));
  if (names.size < offered.length || !offered.every((name) => subprotocolPattern.test(name))) {
    throw new SignalboxError('bad_request', 'Sec-WebSocket-Protocol must name each subprotocol once.');
  }
  const length = headers['content-length'] ?? '0';
  if (length !== '0' || headers['transfer-encoding'] !== undefined) {
    throw new SignalboxError('bad_request', 'An upgrade must have no body.');
  }
}

function gone(): SignalboxError {
  return new SignalboxError('bad_request', 'The client has gone.');
}

function ignore(): void {}
