import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import request from 'supertest';
import { beforeAll, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});

test.each(['openapi', 'asyncapi'])('/%s.json is the document that the server was made from', async (name) => {
  const { status, body } = await request(server.url).get(`/${name}.json`);
  expect(status).toBe(200);
  expect(body).toEqual(JSON.parse(readFileSync(`generated/${name}.json`, 'utf8')));
  const refs = JSON.stringify(body).match(/"\$ref":"[^"]+"/g) ?? [];
  expect(refs.length).toBeGreaterThan(10);
  expect(refs.filter((ref) => !ref.startsWith('"$ref":"#/'))).toEqual([]); // self-contained
  expect(new Ajv2020({ strict: false }).validateSchema(body.components.schemas.Fault)).toBe(true);
});

test.each(['/', '/docs'])('%s leads to the docs', async (path) => {
  const { status, headers } = await request(server.url).get(path);
  expect([status, headers.location]).toEqual([302, '/docs/']);
});

test('the docs come as files of their own, with a strict policy', async () => {
  const page = await request(server.url).get('/docs/');
  expect([page.status, page.type]).toEqual([200, 'text/html']);
  expect(page.headers['content-security-policy']).not.toMatch(/unsafe|\*|https?:/);
  expect(page.text).not.toMatch(/(?:src|href)="(?:\/|https?:)/);
  const scripts = [...page.text.matchAll(/src="([^"]+)"/g)].map(([, name]) => name);
  expect(scripts.length).toBeGreaterThan(0);
  for (const name of [...scripts, 'docs.css', 'openapi.json', 'asyncapi.json']) {
    expect((await request(server.url).get(`/docs/${name}`)).status).toBe(200);
  }
});

test('a file that the reader has is not sent again', async () => {
  const first = await request(server.url).get('/docs/docs.js');
  const etag = String(first.headers.etag);
  const second = await request(server.url).get('/docs/docs.js').set('If-None-Match', etag);
  expect([second.status, second.headers.etag, second.text]).toEqual([304, etag, '']);
});

test.each([
  '/docs/missing.js',
  '/docs/..%2fpackage.json',
  '/docs/%2e%2e/package.json',
  '/docs/.env',
  '/docs/docs.js/x',
])('%s is not there', async (path) => {
  const { status, body } = await request(server.url).get(path);
  expect([status, body.code]).toEqual([404, 'not_found']);
});

test('a server that takes clients is ready and healthy', async () => {
  for (const path of ['/readyz', '/healthz']) {
    const { status, body } = await request(server.url).get(path);
    expect([status, body]).toEqual([200, { status: 'ok' }]);
  }
});
