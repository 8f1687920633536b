import request from 'supertest';
import { beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

let server: TestServer;
const ids: string[] = [];

beforeAll(async () => {
  server = await startServer();
  const joins = [
    ['alice', '/ws/zoom/A'],
    ['bob', '/ws/zoom/A'],
    ['alice', '/ws/chat/A'],
    ['carol', '/ws/chat/B'],
    ['bob', '/ws/screenshare/B'],
  ] as const;
  for (const [sub, path] of joins) ids.push((await join(server, path, server.token({ sub }))).clientId);
});

function get(path: string, scope = 'connections:read') {
  // A user for each call, so that the limit of the list does not get in the way.
  const sub = `reader ${Math.random()}`;
  return request(server.url)
    .get(`/api/connections${path}`)
    .set('Authorization', `Bearer ${server.token({ sub, scope })}`);
}

describe('the list', () => {
  test.each([
    ['', [0, 1, 2, 3, 4]],
    ['?roomId=A', [0, 1, 2]],
    ['?userId=bob', [1, 4]],
    ['?channel=chat', [2, 3]],
    ['?status=connected&roomId=B&channel=screenshare', [4]],
    ['?status=disconnected', []],
    ['?userId=nobody', []],
  ])('%s', async (query, expected) => {
    const { status, body, headers } = await get(`/active${query}`);
    expect(status).toBe(200);
    expect(body.map(({ id }: { id: string }) => id)).toEqual(expected.map((n) => ids[n]));
    expect(headers.link).toBeUndefined();
  });

  test('comes in pages, each leading to the next, each connection once', async () => {
    const seen: string[] = [];
    const sizes: number[] = [];
    let path: string | undefined = '/active?limit=2';
    while (path !== undefined) {
      const page: request.Response = await get(path);
      seen.push(...page.body.map(({ id }: { id: string }) => id));
      sizes.push(page.body.length);
      path = /^<\/api\/connections(.+)>; rel="next"$/.exec(page.headers.link ?? '')?.[1];
    }
    expect(seen).toEqual(ids);
    expect(sizes).toEqual([2, 2, 1]);
  });

  test('keeps its filters from page to page', async () => {
    const first = await get('/active?limit=1&roomId=A');
    expect(first.headers.link).toMatch(/limit=1&roomId=A&cursor=\d+/);
    const second = await get(String(/connections(.+)>/.exec(first.headers.link ?? '')?.[1]));
    expect(second.body.map(({ id }: { id: string }) => id)).toEqual([ids[1]]);
  });

  test.each(['?limit=0', '?limit=1001', '?cursor=x', '?status=gone', '?channel=video', '?room=A'])(
    '%s is refused',
    async (query) => {
      const { status, body } = await get(`/active${query}`);
      expect([status, body.code]).toEqual([400, 'bad_request']);
      expect(body.errors[0].pointer).toBe(`/query/${/\w+/.exec(query)}`);
    },
  );
});

test('one connection', async () => {
  const { status, body } = await get(`/${ids[2]}`);
  expect(status).toBe(200);
  expect(body).toMatchObject({ id: ids[2], userId: 'alice', roomId: 'A', channel: 'chat', isHost: true });
  const none = await get('/client_nobody');
  expect([none.status, none.body.code]).toEqual([404, 'connection_not_found']);
});

test('the rooms, and one room', async () => {
  expect((await get('/rooms')).body).toEqual([
    { roomId: 'A', connectionCount: 3, channels: { zoom: 2, screenshare: 0, chat: 1 } },
    { roomId: 'B', connectionCount: 2, channels: { zoom: 0, screenshare: 1, chat: 1 } },
  ]);
  const { body } = await get('/rooms/A');
  expect(body).toMatchObject({ roomId: 'A', connectionCount: 3, channels: { zoom: 2 } });
  expect(body.connections.map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, 3));
  const none = await get('/rooms/nobody-here');
  expect([none.status, none.body.code]).toEqual([404, 'room_not_found']);
});

test.each(['/rooms', '/rooms/A', '/client_x'])('%s needs its scope', async (path) => {
  expect((await get(path, 'connections:kick')).body.code).toBe('insufficient_scope');
});
