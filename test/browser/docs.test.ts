import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import asyncapi from '../../generated/asyncapi.json' with { type: 'json' };
import openapi from '../../generated/openapi.json' with { type: 'json' };
import { startChromium } from './chromium.ts';
import { DocsPage, type Entry } from './docs-page.ts';
import { type StaticServer, serveFolder } from './static-server.ts';

/** Stricter than what the server sends: nothing inline, nothing evaluated, nothing from elsewhere. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const site = mkdtempSync(join(tmpdir(), 'signalbox-docs-'));
let server: StaticServer;
let browser: Browser;
let docs: DocsPage;
/** What no page may do: ask another host, break the policy, write an error to the console, throw. */
const faults: string[] = [];

beforeAll(async () => {
  execFileSync(process.execPath, ['src/codegen/docs.ts', site]);
  server = await serveFolder(site, '/any/where/docs/', policy);
  browser = await startChromium();
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  page.setDefaultTimeout(20_000);
  page.on('request', (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith('data:'))
      faults.push(request.url());
  });
  page.on('websocket', (socket) => faults.push(socket.url()));
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  await page.goto(server.url);
  docs = new DocsPage(page);
}, 60_000);

afterEach(() => expect(faults.splice(0)).toEqual([]));

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(site, { recursive: true, force: true });
});

test('the page names its files relative to itself and has nothing inline', () => {
  const html = readFileSync(join(site, 'index.html'), 'utf8');
  const targets = [...html.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, target]) => target);
  expect(targets).toContain('scalar.js');
  for (const target of targets) expect(target).toMatch(/^(?:[a-z]+\.(?:js|css|json)|data:,)$/);
  expect(html).not.toMatch(/<style|\bstyle=|\bon[a-z]+=|<script(?![^>]* src=)/);
});

describe('REST API', { timeout: 60_000 }, () => {
  beforeAll(() => docs.choose('REST API', openapi.info.title));

  test('every operation is shown, with a sample', async () => {
    const shown: string[] = [];
    for (const entry of await docs.entries('rest/tag/')) {
      if (/^rest\/tag\/[^/]+$/.test(entry.id)) continue; // a tag
      const operation = await docs.follow(entry);
      await operation.getByText('curl', { exact: true }).waitFor();
      const method = await operation.locator('.request-method').first().innerText();
      const path = await operation.locator('.operation-path').first().innerText();
      shown.push(`${method.trim().toLowerCase()} ${path}`);
    }
    const declared = Object.entries(openapi.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    expect(shown.sort()).toEqual(declared.sort());
  });

  test.for([
    ['JavaScript', 'Fetch', 'fetch('],
    ['Python', 'Requests', 'requests.post('],
    ['Go', 'NewRequest', 'http.NewRequest('],
    ['PHP', 'cURL', 'curl_init('],
    ['Rust', 'reqwest', 'reqwest::Client'],
    ['Ruby', 'net::http', 'Net::HTTP'],
    ['Java', 'java.net.http', 'HttpRequest.newBuilder('],
    ['Shell', 'Curl', 'curl http://'],
  ] as const)('samples come in %s', async ([group, client, sign]) => {
    const entry = (await docs.entries('rest/tag/connections/')).find(({ id }) => id.endsWith('/kick'));
    const operation = await docs.follow(entry ?? expect.unreachable());
    await docs.chooseLanguage(operation, group, client);
    const sample = operation.locator('.code-snippet', { hasText: sign });
    await sample.waitFor();
    const text = await sample.innerText();
    for (const part of ['/api/connections/client_550e8400/kick', 'Bearer', 'reason']) {
      expect(text).toContain(part);
    }
  });
});

describe('WebSocket API', { timeout: 60_000 }, () => {
  beforeAll(() => docs.choose('WebSocket API', asyncapi.info.title));

  const messages = asyncapi.components.messages;
  type MessageKey = keyof typeof messages;

  test.for(Object.entries(asyncapi.channels))(
    'channel %s, its address and messages',
    async ([name, channel]) => {
      const [top, ...entries] = await docs.entries(`websocket/channel/${name}`);
      const section = await docs.follow(top ?? expect.unreachable());
      expect(await section.innerText()).toContain(channel.address);
      const types = (Object.keys(channel.messages) as MessageKey[]).map((key) => messages[key].name);
      expect(new Set(entries.filter(isMessage).map(({ label }) => label))).toEqual(new Set(types));
    },
  );

  test('every message is shown with its example', async () => {
    const shown = new Map<string, unknown>();
    for (const entry of (await docs.entries('websocket/channel/')).filter(isMessage)) {
      const key = entry.id.slice(entry.id.lastIndexOf('/') + 1);
      if (shown.has(key)) continue; // the same message, in another channel
      const example = (await docs.follow(entry)).locator('pre').first();
      shown.set(key, JSON.parse(await example.innerText()));
    }
    const declared = Object.entries(messages).map(
      ([key, { examples }]) => [key.replaceAll('.', '').toLowerCase(), examples[0]?.payload] as const,
    );
    expect(shown).toEqual(new Map(declared));
  });
});

function isMessage({ id }: Entry): boolean {
  return id.includes('/message/');
}
