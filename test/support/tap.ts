import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { reset } from './proxy.ts';
import { type Side, type TapEvent, Wire } from './wire.ts';

/** A TCP proxy that stands in front of a server. */
export interface Tap {
  readonly port: number;
  /** Ends what is open as if the clients did, and cuts what is still open a second later. */
  close(): Promise<void>;
}

/**
 * Forwards every byte unchanged between clients and the server on `targetPort` of this machine, and tells what
 * it carried: `observe` is called once per connection, and what it returns for each event, before the bytes
 * go on. Back-pressure, half-closed ends, resets and a client's loopback address go through as they are.
 */
export async function startTap(targetPort: number, observe: () => (event: TapEvent) => void): Promise<Tap> {
  const sockets = new Set<Socket>();
  const servers = new Map<Socket, () => void>();
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({
      port: targetPort,
      host: '127.0.0.1',
      localAddress: client.remoteAddress ?? '127.0.0.1',
      allowHalfOpen: true,
      noDelay: true,
    });
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    servers.set(server, join(client, server, new Wire(observe())));
    server.on('close', () => servers.delete(server));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => listener.close(resolve));
      await serversAreGone(servers, 50); // a server that has stopped is about to say its last words
      for (const hangUp of servers.values()) hangUp();
      await serversAreGone(servers, 1000);
      await Promise.all([...sockets].map((socket) => once(socket.destroy(), 'close')));
      await closed;
    },
  };
}

async function serversAreGone(servers: ReadonlyMap<Socket, unknown>, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (servers.size > 0 && Date.now() < deadline) await new Promise((next) => setTimeout(next, 5));
}

/** Joins both ends of a connection. What it returns ends it as if the client did. */
function join(client: Socket, server: Socket, wire: Wire): () => void {
  let stalled = false;
  let left = 2;
  forward('client', client, server);
  forward('server', server, client);
  return () => {
    wire.end('client');
    server.end();
  };

  function forward(side: Side, from: Socket, to: Socket): void {
    from.on('data', (chunk) => {
      wire.bytes(side, chunk);
      if (to.writable && !to.write(chunk)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => {
      wire.end(side);
      to.end();
    });
    from.on('error', () => {
      wire.end(side); // here, since of two that are destroyed in one turn the last one closes first
      reset(to);
    });
    from.on('close', () => {
      stalled ||= server.isPaused() || client.writableLength > 0;
      if (!from.readableEnded) wire.end(side);
      // An end that closed in order has ended the other already, which may still be sending what it holds.
      if (from.errored || !from.readableEnded) to.destroy();
      left -= 1;
      if (left === 0) wire.close(stalled);
    });
  }
}
