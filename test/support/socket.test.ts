import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { upgrade } from './raw.ts';
import { atScopeEnd } from './scope.ts';
import { openSocket, valueAt } from './socket.ts';

/** A server that sends text back, and refuses `/closed`. */
async function echo(greet: (ws: WebSocket) => void = () => {}): Promise<{ port: number }> {
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    if (request.url === '/closed')
      socket.end('HTTP/1.1 403 Forbidden\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\nno');
    else
      sockets.handleUpgrade(request, socket, head, (ws) => {
        ws.on('message', (data) => ws.send(String(data)));
        greet(ws);
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atScopeEnd(() => {
    for (const ws of sockets.clients) ws.terminate();
    return new Promise((resolve) => server.close(resolve));
  });
  return server.address() as AddressInfo;
}

test('frames are read in their order, or by type, which leaves the others', async () => {
  const socket = await openSocket(await echo(), '/');
  for (const type of ['a', 'b', 'a', 'c']) socket.send({ type });
  expect((await socket.next('c')).type).toBe('c');
  expect((await socket.next()).type).toBe('a');
  expect((await socket.next('a')).type).toBe('a');
  expect((await socket.next()).type).toBe('b');
  expect(socket.texts).toEqual(['{"type":"a"}', '{"type":"b"}', '{"type":"a"}', '{"type":"c"}']);
});

test('a frame that came with the upgrade is not missed', async () => {
  const socket = await openSocket(await echo((ws) => ws.send('{"type":"first"}')), '/');
  expect((await socket.next()).type).toBe('first');
});

test('an answer is found by its id', async () => {
  const server = await echo((ws) => {
    ws.on('message', (data) =>
      ws.send(JSON.stringify({ type: 'ack', replyTo: JSON.parse(String(data)).id })),
    );
  });
  const socket = await openSocket(server, '/');
  const [first, second] = await Promise.all([socket.ask('a'), socket.ask('b')]);
  expect([first.replyTo, second.replyTo]).toEqual(['ask-1', 'ask-2']);
});

test('waiting ends at its deadline, and says what there was instead', async () => {
  const socket = await openSocket(await echo(), '/');
  socket.send({ type: 'a' });
  await expect(socket.next('b', 50)).rejects.toThrow('no b: 50 ms went by; unread: a');
});

test('waiting ends with the socket, before it and after', async () => {
  const socket = await openSocket(await echo((ws) => ws.on('message', () => ws.close(4000, 'bye'))), '/');
  socket.send({ type: 'a' });
  await expect(socket.next('b')).rejects.toThrow('no b: the socket closed with 4000 bye');
  await expect(socket.next('b')).rejects.toThrow('the socket closed');
  expect(await socket.closed).toEqual({ code: 4000, reason: 'bye' });
});

test('a refusal shows its status and body', async () => {
  const server = await echo();
  await expect(openSocket(server, '/closed')).rejects.toThrow('refused with 403: no');
  const refused = await upgrade(server, '/closed');
  expect(refused).toEqual({ status: 403, headers: { 'x-a': '1, 2', 'content-length': '2' }, body: 'no' });
  expect(await upgrade(server, '/', { 'Sec-WebSocket-Key': undefined })).toMatchObject({ status: 400 });
  expect(await upgrade(server, '/')).toMatchObject({ status: 101, headers: { upgrade: 'websocket' } });
});

test('a value is found by its path', () => {
  expect(valueAt({ a: [{ b: 1 }] }, 'a', 0, 'b')).toBe(1);
  expect(valueAt({ a: [] }, 'a', 0, 'b')).toBeUndefined();
});
