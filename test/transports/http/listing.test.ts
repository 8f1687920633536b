import express from 'express';
import request from 'supertest';
import { expect, test } from 'vitest';
import { operationHandlers } from '../../../src/handlers/operations/index.ts';
import { LocalLimitStore } from '../../../src/limits/local-limit-store.ts';
import type { Connection } from '../../../src/rooms/connection.ts';
import { LocalDirectory } from '../../../src/rooms/local-directory.ts';
import { LocalRoomStore } from '../../../src/rooms/local-room-store.ts';
import { Registry } from '../../../src/rooms/registry.ts';
import { Views } from '../../../src/rooms/views.ts';
import { createApp } from '../../../src/transports/http/app.ts';

// Thousands of connections, without their sockets. What a client sees of a few stands in test/e2e/reading.test.ts.

type Change = (index: number) => Partial<Connection>;

/** The server's HTTP side with this many connections, and the faults that it reports. */
async function appWith(count: number, change: Change = () => ({})) {
  const registry = new Registry();
  const views = new Views(registry, new LocalRoomStore(), Date.now);
  for (let index = 0; index < count; index += 1) {
    const connection = {
      ...{
        clientId: `client_${index}`,
        serial: index + 1,
        order: index + 1,
        joinedAt: new Date(index).toISOString(),
      },
      ...{ roomId: 'A', channel: 'zoom', connectionStatus: 'connected', address: 'x' },
      identity: { userId: `user_${index}`, presenterName: `User ${index}` },
      ...change(index),
    };
    registry.add(connection as Connection);
  }
  const faults: unknown[] = [];
  let calls = 0;
  const identify = async () => {
    calls += 1; // a caller of its own for each, so that none is one too many
    return { userId: 'admin', subjectKey: `${calls}`, scopes: new Set(['connections:read']) };
  };
  const rooms = new LocalRoomStore();
  const directory = new LocalDirectory(views);
  const never = () => false;
  const draining = { isStopping: never, isDraining: never };
  const parts = { directory, rooms, views, ...draining, now: Date.now, audit: () => {} };
  const app = await createApp({
    handlers: operationHandlers(parts as unknown as Parameters<typeof operationHandlers>[0]),
    guards: { checkOrigin: () => {}, identify, addressOf: () => 'x' } as unknown as Parameters<
      typeof createApp
    >[0]['guards'],
    limits: new LocalLimitStore(Date.now),
    report: ({ error }) => faults.push(error),
  });
  return { app: express().use(app), faults };
}

const idsOf = (list: readonly { id: string }[]): string[] => list.map(({ id }) => id);
const all = (count: number): string[] => Array.from({ length: count }, (_, index) => `client_${index}`);

test('the list of thousands is complete, in order, and each is there once', async () => {
  const { app, faults } = await appWith(3000);
  const { status, body, headers } = await request(app).get('/api/connections/active');
  expect(status).toBe(200);
  expect(idsOf(body)).toEqual(all(3000));
  expect(headers).toMatchObject({ 'ratelimit-limit': '30', 'ratelimit-remaining': '29' });
  expect(headers.link).toBeUndefined();
  expect(faults).toEqual([]);
});

test('its pages lead through the same', async () => {
  const { app } = await appWith(2500);
  const seen: string[] = [];
  let path: string | undefined = '/api/connections/active?limit=1000';
  while (path !== undefined) {
    const page: request.Response = await request(app).get(path);
    seen.push(...idsOf(page.body));
    path = /^<(.+)>; rel="next"$/.exec(page.headers.link ?? '')?.[1];
  }
  expect(seen).toEqual(all(2500));
});

test('HEAD says what GET says, without the list', async () => {
  const { app, faults } = await appWith(3000);
  const { status, text, headers } = await request(app).head('/api/connections/active');
  expect([status, text]).toEqual([200, undefined]);
  expect(headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'ratelimit-limit': '30',
  });
  expect(faults).toEqual([]);
});

test('a room of thousands comes with all who are in it', async () => {
  const { app } = await appWith(3000, (index) => (index % 3 === 0 ? { channel: 'chat' } : {}));
  const { body } = await request(app).get('/api/connections/rooms/A');
  expect(body).toMatchObject({ roomId: 'A', connectionCount: 3000, channels: { zoom: 2000, chat: 1000 } });
  expect(idsOf(body.connections).sort()).toEqual(all(3000).sort());
});

test('thousands of rooms are listed once each', async () => {
  const { app } = await appWith(3000, (index) => ({ roomId: `room-${index % 1500}` }));
  const { body } = await request(app).get('/api/connections/rooms');
  expect(body.length).toBe(1500);
  expect(new Set(body.map(({ roomId }: { roomId: string }) => roomId)).size).toBe(1500);
  expect(body[7]).toEqual({
    roomId: 'room-7',
    connectionCount: 2,
    channels: { zoom: 2, screenshare: 0, chat: 0 },
  });
});

const nameless = { identity: { userId: 'u', presenterName: undefined } } as unknown as Partial<Connection>;
const breach = /the response breaks the contract: .*presenterName/;

test.each(['/active', '/rooms/A'])(
  'an entry of %s that breaks the contract is answered as a fault',
  async (path) => {
    for (const count of [10, 1000]) {
      const { app, faults } = await appWith(count, (index) => (index === 5 ? nameless : {}));
      const { status, body } = await request(app).get(`/api/connections${path}`);
      expect([status, body.code]).toEqual([500, 'internal']);
      expect(faults).toEqual([expect.objectContaining({ message: expect.stringMatching(breach) })]);
    }
  },
);

test.each(['/active', '/rooms/A'])('one late in %s ends the response before it', async (path) => {
  const { app, faults } = await appWith(1000, (index) => (index === 900 ? nameless : {}));
  await expect(request(app).get(`/api/connections${path}`)).rejects.toThrow('aborted');
  expect(faults).toEqual([expect.objectContaining({ message: expect.stringMatching(breach) })]);
});
