import { type DestinationStream, type Logger, pino } from 'pino';
import type { ClusterEvent } from './cluster/cluster.ts';
import type { Config } from './config.ts';
import type { AdminAction } from './handlers/operations/caller.ts';
import type { RoomEvent } from './rooms/events.ts';
import type { RequestFailed } from './transports/http/app.ts';
import type { SocketEvent } from './transports/websocket/socket.ts';

/** What happens to the server itself. */
export type ServerEvent =
  | { readonly type: 'server.started'; readonly url: string }
  | { readonly type: 'server.stopping' }
  | { readonly type: 'server.stopped' }
  | { readonly type: 'keys.unavailable'; readonly error: unknown };

/** Everything that is worth a line in the log. */
export type TelemetryEvent =
  | ClusterEvent
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
    flush: () => new Promise((resolve) => log.flush(() => resolve())),
  };
}

/** How much waits for whoever reads the output, in characters, before lines are dropped. */
const maxWaiting = 1_048_576;
/** How often it is tried at the exit to write what waits, a tenth of a second each. */
const lastTries = 5;
let output: DestinationStream | undefined;

/**
 * The output of this process. Where nobody reads it, lines wait, later ones are dropped, and it is told how many once it is
 * read again: neither the server nor its exit waits for a reader.
 */
function standardOutput(): DestinationStream {
  if (output !== undefined) return output;
  let isExiting = false;
  let tries = 0;
  const stream = pino.destination({
    dest: process.stdout.fd || 1, // Node makes a pipe one that does not block, once it is asked for
    sync: false,
    maxLength: maxWaiting,
    retryEAGAIN() {
      if (isExiting) tries += 1;
      return tries < lastTries;
    },
  });
  let dropped = 0;
  stream.on('drop', () => {
    dropped += 1;
  });
  const log = pino({ base: null }, stream);
  stream.on('drain', () => {
    const lines = dropped;
    dropped = 0;
    if (lines > 0) log.warn({ lines }, 'log.dropped');
  });
  // Before the library's own, which would wait for ever.
  process.prependOnceListener('exit', () => {
    isExiting = true;
    try {
      stream.flushSync();
    } catch {
      // Nobody reads it: what waits is lost.
    }
    stream.destroy();
  });
  output = stream;
  return stream;
}

function write(log: Logger, event: TelemetryEvent): void {
  switch (event.type) {
    case 'connection.waiting':
    case 'connection.joined':
    case 'connection.lost':
    case 'connection.resumed':
      return log.debug(idsOf(event), event.type);
    case 'connection.left':
      return log.debug({ ...idsOf(event), reason: event.reason }, event.type);
    case 'socket.closed':
      return log.debug({ ...idsOf(event), code: event.code }, event.type);
    case 'socket.failed':
      return log.error({ ...idsOf(event), err: event.error }, event.type);
    case 'request.failed':
      return log.error({ requestId: event.requestId, request: event.request, err: event.error }, event.type);
    case 'keys.unavailable':
    case 'redis.failed':
    case 'redis.gone':
    case 'limits.degraded':
    case 'delivery.silent':
      return log.warn({ err: event.error }, event.type);
    case 'broker.failed':
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
