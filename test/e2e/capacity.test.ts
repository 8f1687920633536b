import { expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

test('so many connections of a user to a room, of a user, from an address; one goes, and one may come', async () => {
  const server = await startServer({
    MAX_CONNECTIONS_PER_USER_AND_ROOM: '2',
    MAX_CONNECTIONS_PER_USER: '3',
    MAX_CONNECTIONS_PER_ADDRESS: '5',
  });
  const alice = server.token({ sub: 'alice' });
  const refused = /refused with 429.*"code":"connection_limit"/;
  const first = await join(server, '/ws/zoom/one', alice);
  await join(server, '/ws/chat/one', alice); // another channel of the same room counts
  await expect(join(server, '/ws/screenshare/one', alice)).rejects.toThrow(refused);
  await join(server, '/ws/zoom/two', alice);
  await expect(join(server, '/ws/zoom/three', alice)).rejects.toThrow(refused);
  const preflight = await fetch(`${server.url}/api/ws/zoom/three/preflight?token=${alice}`);
  expect([preflight.status, preflight.headers.get('retry-after')]).toEqual([429, '5']);
  for (const sub of ['bob', 'carol']) await join(server, '/ws/zoom/one', server.token({ sub }));
  await expect(join(server, '/ws/zoom/one', server.token({ sub: 'dave' }))).rejects.toThrow(refused);
  await join(server, '/ws/zoom/one', server.token({ sub: 'dave' }), { from: '127.0.0.2' });

  await first.socket.ask('session.leave');
  await first.socket.closed;
  await join(server, '/ws/screenshare/one', alice);
});

test('a full room lets nobody in until somebody goes', async () => {
  const server = await startServer({ MAX_ROOM_SIZE: '2' });
  const first = await join(server, '/ws/zoom/full', server.token({ sub: 'a' }));
  await join(server, '/ws/zoom/full', server.token({ sub: 'b' }));
  const third = server.token({ sub: 'c' });
  await expect(join(server, '/ws/zoom/full', third)).rejects.toThrow(/refused with 403.*"code":"room_full"/);
  await join(server, '/ws/chat/full', third);
  await first.socket.ask('session.leave');
  await join(server, '/ws/zoom/full', third);
});
