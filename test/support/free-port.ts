import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that the system gives away (32768 and up): so it is free still when it is used, and after a restart. */
const [firstPort, endPort] = [10_000, 32_768];

/** A port of the loopback that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(firstPort, endPort);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue; // somebody does
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
