import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Side, type TapEvent, Wire } from './wire.ts';

/** A TCP proxy that stands in front of a server. */
export interface Tap {
  readonly port: number;
  /** Waits a second for the server's ends of the connections to close, then cuts what is left. */
  close(): Promise<void>;
}

/**
 * Forwards every byte unchanged between clients and the server on `targetPort` of this machine, and tells what
 * it carried: `observe` is called once per connection, and what it returns for each event, before the bytes
 * go on. Back-pressure, half-closed ends, resets and a client's loopback address go through as they are.
 */
export async function startTap(targetPort: number, observe: () => (event: TapEvent) => void): Promise<Tap> {
  const open = new Set<Socket>();
  const servers = new Set<Socket>();
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({
      port: targetPort,
      host: '127.0.0.1',
      localAddress: client.remoteAddress ?? '127.0.0.1',
      allowHalfOpen: true,
      noDelay: true,
    });
    servers.add(server);
    server.on('close', () => servers.delete(server));
    for (const socket of [client, server]) {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    }
    join(client, server, new Wire(observe()));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => listener.close(resolve));
      const deadline = Date.now() + 1000;
      while (servers.size > 0 && Date.now() < deadline) await new Promise((next) => setTimeout(next, 5));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function join(client: Socket, server: Socket, wire: Wire): void {
  let stalled = false;
  let left = 2;
  forward('client', client, server);
  forward('server', server, client);

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
    from.on('error', () => to.resetAndDestroy());
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
