import { expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import { startChromium } from './chromium.ts';

test('/docs, as the server serves it, shows both documents and asks no other host', {
  timeout: 60_000,
}, async () => {
  const server = await startServer();
  const browser = await startChromium();
  try {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url) && !request.url().startsWith('data:'))
        faults.push(request.url());
    });
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    await page.goto(`${server.url}/docs`);
    expect(page.url()).toContain(`${server.url}/docs/`);
    for (const title of ['Signalbox admin API', 'Signalbox real-time protocol']) {
      if (title.includes('real-time')) await page.goto(`${server.url}/docs/?api=websocket`);
      await page.getByRole('heading', { level: 1, name: title }).waitFor({ timeout: 20_000 });
      await page.waitForLoadState('networkidle'); // leaving in the midst of a response would cut it off
    }
    expect(faults).toEqual([]);
  } finally {
    await browser.close();
  }
});
