import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { atScopeEnd } from '../support/scope.ts';
import { startServer } from '../support/server.ts';
import { startChromium } from './chromium.ts';

/** Joins by the SDK as it ships; what is told of the connection from then on is in `told`. */
const markup = `<!doctype html><title>SDK</title><script type="module">
  import { connect } from './src/client/room-connection.js';
  const [url, token] = location.hash.slice(1).split(',');
  const reconnect = { baseDelayMs: 50, maxDelayMs: 200 };
  globalThis.told = [];
  globalThis.room = await connect({ url, channel: 'chat', roomId: 'r', token, reconnect });
  for (const event of ['reconnecting', 'resumed', 'restarted']) room.on(event, () => told.push(event));
  room.closed.then(({ closeCode }) => told.push(closeCode));
</script>`;

/** Serves the page and the SDK to this machine; gives its origin. */
async function servePage(): Promise<string> {
  const server = createServer(({ url = '/' }, response) => {
    const isScript = /^[/\w-]+\.js$/.test(url);
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? readFileSync(join('dist', url)) : markup);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atScopeEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function openPage(address: string): Promise<Page> {
  const browser = await startChromium();
  atScopeEnd(() => browser.close());
  const opened = await browser.newPage();
  await opened.goto(address);
  await opened.waitForFunction('globalThis.room?.state === "connected"');
  return opened;
}

test('in a browser, a client that is cut comes back, and so does one whose network falls silent', {
  timeout: 60_000,
}, async () => {
  const origin = await servePage();
  const server = await startServer({
    ALLOWED_ORIGINS: origin,
    HEARTBEAT_INTERVAL_MS: '500',
    HEARTBEAT_TIMEOUT_MS: '1500',
    RESUME_WINDOW_MS: '60000',
  });
  const proxy = await startProxy(server.port);
  const page = await openPage(`${origin}/#ws://127.0.0.1:${proxy.port},${server.token()}`);
  /** Waits until the connection is back, and gives what was told meanwhile. */
  const back = async (): Promise<unknown[]> => {
    await page.waitForFunction('told.length > 1 && room.state === "connected"');
    return page.evaluate('told.splice(0)') as Promise<unknown[]>;
  };

  proxy.cut();
  expect((await back()).at(0)).toBe('reconnecting');
  await proxy.set({ kind: 'stall' });
  await page.waitForFunction('told.includes("reconnecting")');
  await page.evaluate('void room.chat.send({ text: "while away" }).catch(({ name }) => told.push(name))');
  await proxy.set({ kind: 'pass' });
  expect((await back()).at(-1)).not.toBe('reconnecting');
  await page.evaluate('room.session.leave({})');
  await page.waitForFunction('told.includes(1000)');
});
