import type { ServerParts } from '../../src/server.ts';
import { admin } from './admin.ts';
import { startServer, type TestServer } from './server.ts';

/** A server whose resume windows end when the test says so. */
export async function startWithWindows(env: Readonly<Record<string, string>> = {}) {
  const windows: (() => void)[] = [];
  const later: ServerParts['later'] = (run) => void windows.push(run);
  const server = await startServer({ RESUME_WINDOW_MS: '60000', ...env }, { later });
  const endWindows = () => {
    for (const run of windows.splice(0)) run();
  };
  return { server, endWindows };
}

/** Waits until so many sessions are without a connection. */
export async function lostCount(server: TestServer, count: number): Promise<void> {
  const list = await admin(server, 'GET', '/connections/active?status=disconnected');
  if ((await list.json()).length < count) await lostCount(server, count);
}
