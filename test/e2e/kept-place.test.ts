import { expect, test } from 'vitest';
import { join } from '../support/socket.ts';
import { lostCount, startWithWindows } from '../support/windows.ts';

test('nobody is kept out, or kept waiting, by a session of its own that was lost', async () => {
  const { server } = await startWithWindows({ MAX_ROOM_SIZE: '2' });
  const path = '/ws/screenshare/own';
  const host = await join(server, path, server.token({ sub: 'host' }));
  const guest = await join(server, path, server.token({ sub: 'guest' }));
  await guest.socket.ask('screen.start');
  await host.socket.ask('room.update', { locked: true, admission: 'approval' });
  guest.socket.ws.terminate();
  await host.socket.next('presence.updated');

  // The room is full, locked, and its host decides: others stay out.
  await expect(join(server, path, server.token({ sub: 'other' }))).rejects.toThrow(/403.*room_locked/);
  const back = await join(server, path, server.token({ sub: 'guest' }));
  expect(back.welcome.payload).toMatchObject({ resumed: false, self: { role: 'participant' } });
  expect((await host.socket.next('presence.left')).payload.departures).toEqual([
    { clientId: guest.clientId, reason: 'disconnected' },
  ]);
  expect((await back.socket.ask('screen.start')).type).toBe('ack');

  // And so the only host, who is away when it comes back to its own lock.
  await back.socket.ask('session.leave');
  host.socket.ws.terminate();
  await lostCount(server, 1);
  const again = await join(server, path, server.token({ sub: 'host' }));
  expect((await again.socket.next('host.changed')).payload).toEqual({
    hosts: [again.clientId],
    reason: 'elected',
  });
});

test('who shares a screen and is lost makes way for another', async () => {
  const { server } = await startWithWindows();
  const path = '/ws/screenshare/away';
  await join(server, path, server.token({ sub: 'host' }));
  const [sharer, next] = [
    await join(server, path, server.token({ sub: 'sharer' })),
    await join(server, path, server.token({ sub: 'next' })),
  ];
  await sharer.socket.ask('screen.start');
  expect((await next.socket.ask('screen.start')).payload.code).toBe('screen_busy');
  sharer.socket.ws.terminate();
  await next.socket.next('presence.updated');
  expect((await next.socket.ask('screen.start')).type).toBe('ack');
});
