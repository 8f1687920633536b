import { expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import { join, valueAt } from '../support/socket.ts';

test('in a screenshare channel one shares at a time, and a host replaces it', async () => {
  const server = await startServer();
  const host = await join(server, '/ws/screenshare/s', server.token({ sub: 'host' }));
  const guest = await join(server, '/ws/screenshare/s', server.token({ sub: 'guest' }));
  const other = await join(server, '/ws/screenshare/s', server.token({ sub: 'other' }));

  const first = await guest.socket.ask('screen.start', { label: 'Slides', hasAudio: true });
  const shareId = valueAt(first.payload, 'result', 'shareId');
  expect(await host.socket.next('screen.started')).toMatchObject({
    from: guest.clientId,
    payload: { shareId, clientId: guest.clientId, label: 'Slides', hasAudio: true },
  });
  expect((await other.socket.ask('screen.start', {})).payload.code).toBe('screen_busy');
  const late = await join(server, '/ws/screenshare/s', server.token({ sub: 'late' }));
  expect(valueAt(late.welcome.payload, 'room', 'shares')).toEqual([
    { shareId, clientId: guest.clientId, label: 'Slides', hasAudio: true },
  ]);

  const second = await host.socket.ask('screen.start', {});
  expect((await guest.socket.next('screen.stopped')).payload).toEqual({ shareId });
  expect((await guest.socket.next('screen.started')).payload).toEqual({
    shareId: valueAt(second.payload, 'result', 'shareId'),
    clientId: host.clientId,
  });
});

test('a share ends by who shares, by a host, or when who shares goes', async () => {
  const server = await startServer();
  const host = await join(server, '/ws/zoom/ends', server.token({ sub: 'host' }));
  const guest = await join(server, '/ws/zoom/ends', server.token({ sub: 'guest' }));
  const start = async () =>
    valueAt((await guest.socket.ask('screen.start', {})).payload, 'result', 'shareId');
  const [one, two, three] = [await start(), await start(), await start()];
  expect(new Set([one, two, three]).size).toBe(3);

  await guest.socket.ask('screen.stop', { shareId: one });
  expect(await host.socket.next('screen.stopped')).toMatchObject({
    from: guest.clientId,
    payload: { shareId: one },
  });
  await host.socket.ask('screen.stop', { shareId: two });
  expect((await guest.socket.next('screen.stopped')).payload).toEqual({ shareId: two });
  expect((await host.socket.ask('screen.stop', { shareId: two })).payload.code).toBe('share_not_found');
  const mine = valueAt((await host.socket.ask('screen.start', {})).payload, 'result', 'shareId');
  expect((await guest.socket.ask('screen.stop', { shareId: mine })).payload.code).toBe('not_allowed');
  await guest.socket.close();
  expect((await host.socket.next('screen.stopped')).payload).toEqual({ shareId: three });
});

test('media states reach the others and newcomers; a mute request reaches whom it asks', async () => {
  const server = await startServer({ STUN_URLS: 'stun:stun.example.com:3478, stuns:[2001:db8::1]' });
  const host = await join(server, '/ws/zoom/media', server.token({ sub: 'host' }));
  const guest = await join(server, '/ws/zoom/media', server.token({ sub: 'guest' }));
  await guest.socket.ask('media.update', { mic: 'live', camera: 'muted' });
  await guest.socket.ask('media.update', { camera: 'off' });
  const media = { mic: 'live', camera: 'off', screen: 'off' };
  await host.socket.next('media.updated');
  expect((await host.socket.next('media.updated')).payload).toEqual({ clientId: guest.clientId, media });
  const late = await join(server, '/ws/zoom/media', server.token({ sub: 'late' }));
  expect(valueAt(late.welcome.payload, 'roster', 1, 'media')).toEqual(media);

  await host.socket.ask('media.muteRequest', { to: 'all', source: 'mic' });
  for (const { socket } of [guest, late]) {
    expect(await socket.next('media.muteRequested')).toMatchObject({
      from: host.clientId,
      payload: { source: 'mic' },
    });
  }
  await host.socket.ask('media.muteRequest', { to: late.clientId, source: 'camera' });
  expect((await late.socket.next('media.muteRequested')).payload).toEqual({ source: 'camera' });
  expect((await host.socket.ask('media.muteRequest', { to: 'gone', source: 'mic' })).payload.code).toBe(
    'peer_not_found',
  );

  const iceServers = [{ urls: ['stun:stun.example.com:3478', 'stuns:[2001:db8::1]'] }];
  expect(late.welcome.payload.iceServers).toEqual(iceServers);
  expect((await late.socket.ask('ice.refresh')).payload).toEqual({ iceServers });
});
