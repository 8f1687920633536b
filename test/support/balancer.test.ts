import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { balancerAddress, type Dealing, startBalancer } from './balancer.ts';
import { exchange, upgrade } from './raw.ts';
import { atScopeEnd } from './scope.ts';

/** A server that says who it is and whom it sees, and whether it is ready. */
async function echo(name: string) {
  const state = { ready: true };
  const server = createServer(({ url, socket, headers }, response) => {
    if (url === '/readyz') return response.writeHead(state.ready ? 200 : 503).end();
    const { 'x-forwarded-for': forwarded = '' } = headers;
    return response.end([name, socket.remoteAddress, forwarded].join(' '));
  });
  server.on('upgrade', (_request, socket) => {
    socket.on('error', () => {}); // whoever has read the refusal may cut the rest
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  });
  server.on('clientError', (_error, socket) =>
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nhm'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    server.close();
    server.closeAllConnections();
  };
  atScopeEnd(stop);
  return { port: (server.address() as AddressInfo).port, state, stop };
}

async function start(dealing: Dealing) {
  const servers = [await echo('a'), await echo('b'), await echo('c')] as const;
  const balancer = await startBalancer(
    servers.map(({ port }) => port),
    dealing,
  );
  const ask = async (from = '127.0.0.1') => {
    const bytes = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n';
    return String((await exchange(balancer, bytes, { from })).body);
  };
  const names = async () => {
    const answers: string[] = [];
    for (let n = 0; n < 6; n += 1) answers.push((await ask()).charAt(0));
    return answers.toSorted().join('');
  };
  return { balancer, servers, ask, names };
}

describe.each<Dealing>(['requests', 'connections'])('a balancer that deals out %s', (dealing) => {
  test('takes its servers in turn, and hands on what a WebSocket is answered', async () => {
    const { balancer, names } = await start(dealing);
    expect(await names()).toBe('aabbcc');
    expect((await upgrade(balancer, '/ws')).status).toBe(403);
  });

  test('leaves out who is not ready or not there, and asks all where none is ready', async () => {
    const { servers, names } = await start(dealing);
    const [first, second, third] = servers;
    await first.stop();
    expect(await names()).not.toContain('a');
    second.state.ready = false;
    await vi.waitFor(async () => expect(await names()).toBe('cccccc'), 5000);
    third.state.ready = false;
    await vi.waitFor(async () => expect(await names()).toMatch(/bc/), 5000);
  });
});

test('a request says where it came from, a connection comes from there', async () => {
  const from = '127.0.0.7';
  expect((await (await start('requests')).ask(from)).slice(2)).toBe(`${balancerAddress} 192.0.2.1, ${from}`);
  expect((await (await start('connections')).ask(from)).slice(2)).toBe(`${from} 192.0.2.1`);
});

test('what is no HTTP comes through as it is where connections are dealt out', async () => {
  const { balancer } = await start('connections');
  expect(await exchange(balancer, 'nonsense\r\n\r\n')).toMatchObject({ status: 400, body: 'hm' });
});
