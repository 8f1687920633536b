import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './free-port.ts';
import { Lane, type Pace } from './lane.ts';
import { atScopeEnd } from './scope.ts';

/** Which way bytes go: up is from who connects to the server. */
export type Direction = 'up' | 'down';

/**
 * What a proxy does with all its connections, those that are open and those that come:
 * - `pass`: nothing.
 * - `stall`: bytes and ends wait, both ways or one way only, and go on once the mode is another. Connections still stand,
 *   and new ones are accepted: as on a network that is cut, nobody is told.
 * - `reset`: each is cut by a reset, new ones once they have come.
 * - `refuse`: open ones are cut by a reset, and nobody listens any more.
 * - `latency`, `throttle`, `split`: bytes go each way so much later, so many in a second, each by itself.
 */
export type ProxyMode =
  | { readonly kind: 'pass' | 'reset' | 'refuse' | 'split' }
  | { readonly kind: 'stall'; readonly only?: Direction }
  | { readonly kind: 'latency'; readonly latencyMs: number }
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number };

/** A TCP proxy that plays a network that fails. */
export interface TcpProxy {
  readonly port: number;
  /** How many connections go through it. */
  readonly open: number;
  /** Resolves once the mode holds for every connection. */
  set(mode: ProxyMode): Promise<void>;
  /** Cuts every open connection by a reset; others may come. */
  cut(): void;
  /** Stalls only the connection that the server sees coming from this port, until a mode is set. Whether there is one. */
  stallOne(fromPort: number): boolean;
  /** Stalls the connections that come from now on, and no other, until a mode is set. */
  stallComing(): void;
}

interface Joined {
  readonly client: Socket;
  readonly server: Socket;
  readonly lanes: { readonly [D in Direction]: Lane };
}

/** Stands in front of what listens on `targetPort` of this machine, and passes all until told otherwise; ends with the scope. */
export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const joined = new Set<Joined>();
  let mode: ProxyMode = { kind: 'pass' };
  let coming: ProxyMode | undefined;
  const cut = () => {
    for (const { client, server } of joined) for (const end of [client, server]) reset(end);
  };
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (mode.kind === 'reset' || mode.kind === 'refuse') return void reset(client);
    join(client, targetPort, coming ?? mode, joined);
  });
  const port = await freePort();
  await listen(listener, port);
  atScopeEnd(async () => {
    const closed = listener.listening ? once(listener, 'close') : undefined;
    if (closed !== undefined) listener.close();
    cut();
    await closed;
  });
  return {
    port,
    get open() {
      return joined.size;
    },
    async set(next) {
      mode = next;
      coming = undefined;
      for (const { lanes } of joined) {
        for (const direction of ['up', 'down'] as const) lanes[direction].pace = paceOf(next, direction);
      }
      if (next.kind === 'reset' || next.kind === 'refuse') cut();
      if (next.kind === 'refuse' && listener.listening) {
        listener.close();
        await once(listener, 'close');
      } else if (next.kind !== 'refuse' && !listener.listening) await listen(listener, port);
    },
    cut,
    stallComing() {
      coming = { kind: 'stall' };
    },
    stallOne(fromPort) {
      const found = [...joined].find(({ server }) => server.localPort === fromPort);
      if (found === undefined) return false;
      for (const direction of ['up', 'down'] as const) {
        found.lanes[direction].pace = paceOf({ kind: 'stall' }, direction);
      }
      return true;
    },
  };
}

/**
 * Cuts a connection by a reset. While its end is being sent the system takes no reset of it (`EINVAL`), and Node leaves it
 * open for ever, also when the process is to end; such a one is closed.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}

async function listen(listener: Server, port: number): Promise<void> {
  listener.listen(port, '127.0.0.1');
  await once(listener, 'listening');
}

function join(client: Socket, targetPort: number, mode: ProxyMode, joined: Set<Joined>): void {
  const server = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const lanes = {
    up: new Lane(client, server, paceOf(mode, 'up')),
    down: new Lane(server, client, paceOf(mode, 'down')),
  };
  const both: Joined = { client, server, lanes };
  joined.add(both);
  for (const [end, other] of [
    [client, server],
    [server, client],
  ] as const) {
    end.on('error', () => reset(other));
    end.on('close', () => {
      if (client.destroyed && server.destroyed) joined.delete(both);
    });
  }
}

function paceOf(mode: ProxyMode, direction: Direction): Pace {
  return {
    stalled: mode.kind === 'stall' && (mode.only ?? direction) === direction,
    latencyMs: mode.kind === 'latency' ? mode.latencyMs : 0,
    bytesPerSecond: mode.kind === 'throttle' ? mode.bytesPerSecond : Infinity,
    bytewise: mode.kind === 'split',
  };
}
