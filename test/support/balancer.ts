import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from './free-port.ts';
import { atScopeEnd } from './scope.ts';

/** A real HAProxy in front of some servers of this machine. */
export interface Balancer {
  readonly port: number;
  readonly pid: number;
}

/**
 * What is dealt out in turn: `requests`, of which the balancer reads each, and says where it came from in
 * `X-Forwarded-For`; or `connections`, whose bytes it hands on as they are.
 */
export type Dealing = 'requests' | 'connections';

/** Where it comes from when it asks the servers in the name of others: what they have to trust, and nothing else. */
export const balancerAddress = '127.0.0.200';

/**
 * Starts one that deals in turn to those of `ports` that answer /readyz with 200, and to all where none does. A request
 * that finds nobody listening goes to the next. It ends, and cuts what is open, with the test or file that started it.
 */
export async function startBalancer(
  ports: readonly number[],
  dealing: Dealing = 'requests',
): Promise<Balancer> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-balancer-'));
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(file, configuration(port, ports, dealing));
  // Debian puts it where an ordinary user's PATH does not lead.
  const env = { PATH: [process.env.PATH, '/usr/sbin'].join(delimiter) };
  const child = spawn('haproxy', ['-db', '-f', file], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit').finally(() => rmSync(directory, { recursive: true, force: true }));
  atScopeEnd(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const ended = exited.then(() => Promise.reject(new Error(`haproxy: ${errors}`)));
  ended.catch(() => {}); // it ends some day
  await Promise.race([answers(port), ended]);
  return { port, pid: child.pid ?? 0 };
}

function configuration(port: number, ports: readonly number[], dealing: Dealing): string {
  const servers = (more: (name: string) => string) =>
    ports.map((one, n) => `  server node-${n} 127.0.0.1:${one} ${more(`node-${n}`)}`).join('\n');
  return `
global
  nbthread 1
  maxconn 8000
defaults
  mode ${dealing === 'requests' ? 'http' : 'tcp'}
  balance roundrobin
  option redispatch 1
  retries 3
  timeout connect 1s
  timeout client 10m
  timeout server 10m
  timeout tunnel 1h
  timeout check 500ms
  default-server inter 500ms fastinter 100ms downinter 200ms fall 2 rise 1
frontend clients
  bind 127.0.0.1:${port}
  default_backend all
${dealing === 'requests' ? requestsFrom() : connectionsFrom()}
backend ready
  option httpchk
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host balancer
  http-check expect status 200
  source ${balancerAddress}
${servers(() => 'check')}
backend all
  source ${balancerAddress}
${servers(() => '')}
${dealing === 'requests' ? '' : addresses.map((address) => `backend from-${address}\n  source ${address}\n${servers((name) => `track ready/${name}`)}`).join('\n')}
`;
}

/** Every request is dealt anew, also where a client keeps its connection, and over a connection of its own. */
function requestsFrom(): string {
  return `  option forwardfor
  option http-server-close
  option accept-invalid-http-request
  use_backend ready if { nbsrv(ready) gt 0 }`;
}

/** Bytes cannot say whom they are from, so a connection comes from the address of its client. */
function connectionsFrom(): string {
  return `  use_backend from-%[src] if { nbsrv(ready) gt 0 }`;
}

/** Those that the tests use, and more. */
const addresses = Array.from({ length: 99 }, (_, n) => `127.0.0.${n + 1}`);

async function answers(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await new Promise((next) => setTimeout(next, 5));
    } finally {
      socket.destroy();
    }
  }
}
