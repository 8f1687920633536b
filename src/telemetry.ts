import { type DestinationStream, type Logger, pino } from 'pino';
import type { ClusterEvent } from './cluster/cluster.ts';
import type { Config } from './config.ts';
import type { HistoryEvent } from './disk/disk-chat-store.ts';
import type { AdminAction } from './handlers/operations/caller.ts';
import { Output } from './output.ts';
import type { RoomEvent } from './rooms/events.ts';
import type { RequestFailed } from './transports/http/app.ts';
import type { SocketEvent } from './transports/websocket/socket-event.ts';

/** What happens to the server itself. */
export type ServerEvent =
  | { readonly type: 'server.started'; readonly url: string }
  | { readonly type: 'server.stopping' }
  | { readonly type: 'server.draining' }
  | { readonly type: 'server.stopped' }
  | { readonly type: 'keys.unavailable'; readonly error: unknown };

/** Everything that is worth a line in the log. */
export type TelemetryEvent =
  | ClusterEvent
  | HistoryEvent
  | RoomEvent
  | SocketEvent
  | RequestFailed
  | AdminAction
  | ServerEvent;

/** Where events go. */
export interface Telemetry {
  readonly report: (event: TelemetryEvent) => void;
  /** Resolves when all that was reported is written: a process that exits before may lose lines, or their order. */
  readonly flush: () => Promise<void>;
}

/**
 * Writes events as JSON lines. No token, no message and no SDP ever gets here: events name who and what, and
 * requests without their query.
 */
export function createTelemetry(level: Config['logLevel'], stream?: DestinationStream): Telemetry {
  const log = pino({ level, base: null }, stream ?? standardOutput());
  return {
    report: (event) => write(log, event),
    flush: () => (stream === undefined ? standardOutput().flush() : Promise.resolve()),
  };
}

let output: Output | undefined;

/** One for the whole process. Node makes a pipe one that does not block, once it is asked for `process.stdout`. */
function standardOutput(): Output {
  if (output === undefined) {
    const opened = new Output(process.stdout.fd, (lines) => log.warn({ lines }, 'log.dropped'));
    const log = pino({ base: null }, opened);
    output = opened;
  }
  return output;
}

function write(log: Logger, event: TelemetryEvent): void {
  switch (event.type) {
    case 'connection.waiting':
    case 'connection.joined':
    case 'connection.lost':
    case 'connection.resumed':
    case 'connection.moved':
      return log.debug(idsOf(event), event.type);
    case 'connection.left':
      return log.debug({ ...idsOf(event), reason: event.reason }, event.type);
    case 'socket.closed':
      return log.debug({ ...idsOf(event), code: event.code }, event.type);
    case 'socket.failed':
      return log.error(
        { ...idsOf(event), message: event.message?.type, id: event.message?.id, err: event.error },
        event.type,
      );
    case 'request.failed':
      return log.error({ requestId: event.requestId, request: event.request, err: event.error }, event.type);
    case 'keys.unavailable':
    case 'redis.failed':
    case 'redis.gone':
    case 'limits.degraded':
    case 'delivery.silent':
      return log.warn({ err: event.error }, event.type);
    case 'broker.failed':
    case 'node.failed':
    case 'history.failed':
      return log.error({ err: event.error }, event.type);
    case 'broker.refused':
      return log.error({ node: event.origin, version: event.version }, event.type);
    default: {
      const { type, ...fields } = event;
      return log.info(fields, type);
    }
  }
}

function idsOf({ connection }: Extract<TelemetryEvent, { connection: unknown }>) {
  const { clientId, roomId, channel, identity } = connection;
  return { clientId, roomId, channel, userId: identity.userId };
}
