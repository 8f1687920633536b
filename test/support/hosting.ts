import { flushCompileCache } from 'node:module';
import { patientMs } from './redis.ts';

// A process that runs servers for the tests of another one, see hosted.ts. To load the code takes longer than to start
// a server, so it is loaded once for many.

/** What it is told to do with one of its servers. */
export type Order =
  | { readonly server: number; readonly act: 'start'; readonly env: Readonly<Record<string, string>> }
  | { readonly server: number; readonly act: 'drain' | 'stop' };

/** It is done; with the port of what has started. */
export interface Done {
  readonly server: number;
  readonly act: Order['act'];
  readonly port?: number;
  readonly error?: string;
}

const { readConfig } = await import('../../src/config.ts');
const { startServer } = await import('../../src/server.ts');

const servers = new Map<number, Awaited<ReturnType<typeof startServer>>>();

process.on('disconnect', () => process.exit());
process.on('message', async (order: Order) => {
  const { server, act } = order;
  try {
    const port = await carryOut(order);
    process.send?.({ server, act, ...(port !== undefined && { port }) } satisfies Done);
  } catch (error) {
    const text = error instanceof Error ? String(error.stack) : String(error);
    process.send?.({ server, act, error: text } satisfies Done);
  }
});

async function carryOut(order: Order): Promise<number | undefined> {
  if (order.act === 'start') {
    // What is tested here is not how soon a busy machine answers.
    const started = await startServer(readConfig(order.env), { redisTimeoutMs: patientMs });
    flushCompileCache(); // it will be killed, and does not do so itself then
    servers.set(order.server, started);
    return started.port;
  }
  await servers.get(order.server)?.[order.act]();
  return undefined;
}
