import { once } from 'node:events';
import { createServer, request as httpRequest, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { exchange } from './raw.ts';
import { atScopeEnd } from './scope.ts';
import { startTap } from './tap.ts';
import type { TapEvent } from './wire.ts';

async function tapped(port: number): Promise<{ port: number; events: TapEvent[]; close(): Promise<void> }> {
  const events: TapEvent[] = [];
  const tap = await startTap(port, () => (event) => events.push(event));
  atScopeEnd(() => tap.close());
  return { ...tap, events };
}

async function httpServer(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  atScopeEnd(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function tcpServer(listener: (socket: Socket) => void): Promise<number> {
  const server = createTcpServer({ allowHalfOpen: true }, listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  atScopeEnd(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

const say = (response: ServerResponse, text: string): void => {
  response.writeHead(200, { 'Content-Type': 'text/plain' }).end(text);
};

describe('HTTP', () => {
  test('requests on one connection are told with their responses, in order', async () => {
    const port = await httpServer((request, response) => say(response, `you asked for ${request.url}`));
    const tap = await tapped(port);
    const socket = connect(tap.port, '127.0.0.1');
    socket.end('GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    expect(tap.events).toMatchObject([
      { kind: 'ending', by: 'client' },
      { kind: 'exchange', request: { target: '/a' }, response: { status: 200 } },
      { kind: 'exchange', request: { target: '/b' }, response: { status: 200 } },
      { kind: 'ended', stalled: false },
    ]);
    expect(bodies(tap.events)).toEqual(['you asked for /a', 'you asked for /b']);
  });

  test('a body of a megabyte comes through unchanged, in both directions', async () => {
    const big = 'x'.repeat(1_000_000);
    const port = await httpServer(async (request, response) => {
      let length = 0;
      for await (const chunk of request) length += chunk.length;
      say(response, `${length}${big}`);
    });
    const tap = await tapped(port);
    const response = await fetch(`http://127.0.0.1:${tap.port}/`, { method: 'POST', body: big });
    expect(await response.text()).toBe(`1000000${big}`);
    await vi.waitUntil(() => tap.events.length > 0);
    expect(bodies(tap.events)).toEqual([`1000000${big}`]);
  });

  test('a client is known to the server by its own loopback address', async () => {
    const tap = await tapped(
      await httpServer((request, response) => say(response, String(request.socket.remoteAddress))),
    );
    const { body } = await exchange(tap, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', { from: '127.0.0.9' });
    expect(body).toBe('127.0.0.9');
  });

  test('what is no request is forwarded all the same, and its answer told without a request', async () => {
    const tap = await tapped(await httpServer(() => {}));
    const { status } = await exchange(tap, 'this is no HTTP\r\n\r\n');
    expect(status).toBe(400);
    await vi.waitUntil(() => tap.events.some(({ kind }) => kind === 'exchange'));
    expect(tap.events).toMatchObject([{ kind: 'lost' }, {}, { kind: 'exchange', request: undefined }]);
  });

  test('a server that ends inside a response is a fault of the server', async () => {
    const port = await tcpServer((socket) => {
      socket.on('error', () => {}).resume();
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!');
    });
    const tap = await tapped(port);
    await expect(exchange(tap, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).rejects.toThrow('the connection ended');
    await vi.waitUntil(() => tap.events.some(({ kind }) => kind === 'fault'));
    expect(tap.events).toContainEqual({
      kind: 'fault',
      message: 'the server ended the connection inside a response',
    });
  });

  test('a client that goes in the midst of a response is not', async () => {
    const port = await httpServer((_request, response) => {
      response.writeHead(200, { 'Content-Length': '10' }).write('five!');
    });
    const tap = await tapped(port);
    const request = httpRequest({ port: tap.port }).end();
    request.on('error', () => {});
    const [response] = await once(request, 'response');
    response.on('error', () => {});
    await once(response, 'data');
    request.destroy();
    await vi.waitUntil(() => tap.events.some(({ kind }) => kind === 'ended'));
    expect(tap.events).toMatchObject([{ kind: 'ending', by: 'client' }, { kind: 'ended' }]);
  });

  test.each(['client', 'server'] as const)('a connection that the %s resets was ended by it', async (by) => {
    const sockets: Socket[] = [];
    const tap = await tapped(await tcpServer((socket) => void sockets.push(socket.on('error', () => {}))));
    const client = connect(tap.port, '127.0.0.1').on('error', () => {});
    await vi.waitUntil(() => sockets.length > 0);
    (by === 'client' ? client : sockets[0])?.resetAndDestroy();
    await vi.waitUntil(() => tap.events.some(({ kind }) => kind === 'ended'));
    expect(tap.events[0]).toEqual({ kind: 'ending', by });
  });

  test('what is open when the tap closes ends as if the client had gone', async () => {
    const port = await httpServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('and so on');
    });
    const tap = await tapped(port);
    const request = httpRequest({ port: tap.port }).end();
    request.on('error', () => {});
    const [response] = await once(request, 'response');
    response.on('error', () => {});
    await tap.close();
    expect(tap.events.map(({ kind }) => kind)).toEqual(['ending', 'ended']);
    expect(tap.events[0]).toEqual({ kind: 'ending', by: 'client' });
  });

  test('where nobody listens behind it, the client is reset', async () => {
    const dead = await tapped(1);
    await expect(exchange(dead, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).rejects.toThrow('ECONNRESET');
  });
});

describe('sockets', () => {
  test('frames of both directions are told after the upgrade, of any length', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    atScopeEnd(() => new Promise((resolve) => server.close(resolve)));
    await once(server, 'listening');
    server.on('connection', (ws) => ws.on('message', (data) => ws.send(String(data))));
    const tap = await tapped((server.address() as AddressInfo).port);
    const ws = new WebSocket(`ws://127.0.0.1:${tap.port}/path`, { perMessageDeflate: false });
    await once(ws, 'open');
    const sizes = [0, 125, 126, 65_535, 65_536, 300_000];
    for (const size of sizes) ws.send('é'.repeat(size));
    ws.ping('hello');
    await vi.waitUntil(
      () => tap.events.filter(({ kind }) => kind === 'frame').length >= 2 * sizes.length + 2,
    );
    ws.close(4000, 'bye');
    await once(ws, 'close');
    await vi.waitUntil(() => tap.events.some(({ kind }) => kind === 'ended'));
    for (const side of ['client', 'server'] as const) {
      const frames = tap.events.filter((event) => event.kind === 'frame' && event.from === side);
      const messages = frames.flatMap((event) =>
        event.kind === 'frame' && event.frame.kind === 'message' ? [event.frame.data.toString()] : [],
      );
      expect(messages).toEqual(sizes.map((size) => 'é'.repeat(size)));
      expect(frames).toContainEqual(
        expect.objectContaining({ frame: { kind: 'close', code: 4000, reason: Buffer.from('bye') } }),
      );
    }
  });

  test('a client that does not read makes the server wait, and is told to have stalled', async () => {
    let written = 0;
    const port = await tcpServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {
        const push = (): void => {
          while (socket.write(Buffer.alloc(100_000))) written += 100_000;
        };
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.on('drain', push);
        push();
      });
    });
    const tap = await tapped(port);
    const socket = connect(tap.port, '127.0.0.1');
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    let before = -1;
    await vi.waitUntil(
      () => {
        const still = written === before && written > 0;
        before = written;
        return still;
      },
      { interval: 100, timeout: 10_000 },
    );
    expect(written).toBeLessThan(50_000_000);
    socket.destroy();
    await vi.waitUntil(() => tap.events.some(({ kind }) => kind === 'ended'));
    expect(tap.events.at(-1)).toEqual({ kind: 'ended', stalled: true });
  });
});

function bodies(events: readonly TapEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'exchange' ? [event.response.body.toString()] : []));
}
