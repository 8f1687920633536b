import request from 'supertest';
import { expect, test } from 'vitest';
import { createTelemetry, type TelemetryEvent } from '../../src/telemetry.ts';
import { upgrade } from '../support/raw.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { join, openSocket } from '../support/socket.ts';
import { brokenKeySet, keyless } from './attempt.ts';
import { send } from './raw-request.ts';

const scope = 'connections:read connections:kick rooms:broadcast rooms:close';

/** A server that writes its whole log, as it would in production, into a list of lines. */
async function logged(env: Record<string, string> = {}): Promise<{ server: TestServer; lines: string[] }> {
  const lines: string[] = [];
  const { report: write } = createTelemetry('trace', { write: (line) => lines.push(line) });
  const report = (event: TelemetryEvent) => {
    write(event);
    if (event.type === 'admin.broadcast') throw new Error('injected');
    if (event.type === 'connection.left' && event.connection.identity.userId === 'unlucky') {
      throw new Error('injected');
    }
  };
  return { server: await startServer({ LOG_LEVEL: 'trace', ...env }, { report }), lines };
}

/** The parts of a token that must not get out: its claims and its signature. */
const secretsIn = (token: string): string[] => token.split('.').slice(1);

test('no token, no message and no SDP gets into the log or an error body, whatever happens', async () => {
  const { server, lines } = await logged();
  const used: string[] = [];
  const token = (claims: Record<string, unknown> = {}): string => {
    const one = server.token({ canary: 'canary-claim', ...claims });
    used.push(one);
    return one;
  };
  const bodies: unknown[] = [];
  const admin = token({ scope });
  const post = (path: string, body?: object) => {
    const posting = request(server.url)
      .post(`/api/connections${path}`)
      .set('Authorization', `Bearer ${admin}`);
    return posting.send(body);
  };

  const alice = await join(server, '/ws/zoom/canary', token({ sub: 'alice' }));
  const protocols = ['signal.v1', `bearer.${token({ sub: 'unlucky' })}`];
  const bob = await join(server, '/ws/zoom/canary', undefined, { protocols });
  await alice.socket.ask('signal.offer', { to: bob.clientId, sdp: 'v=0 canary-sdp' });
  await alice.socket.ask('chat.send', { text: 'canary-text' });
  await alice.socket.ask('session.refreshToken', { token: token({ sub: 'alice' }) });
  await alice.socket.ask('session.refreshToken', { token: token({ sub: 'mallory' }) });
  await alice.socket.ask('session.refreshToken', { token: token({ sub: 'alice', exp: 1 }) });
  alice.socket.send(`{"type":"canary-text","token":"${admin}"}`);
  await bob.socket.ask('session.leave', { reason: 'canary-text' });
  await bob.socket.closed;

  bodies.push((await post('/rooms/canary/broadcast', { message: 'canary-text' })).body);
  bodies.push((await post('/rooms/canary/broadcast', { message: 1, canary: 'canary-text' })).body);
  bodies.push((await post(`/${alice.clientId}/kick`)).body);
  const paths = [
    `/api/connections/active?token=${admin}`,
    `/nowhere?token=${admin}`,
    `/ws/zoom/A?token=${admin}`,
  ];
  for (const path of paths) bodies.push((await send(server, { path })).body);
  for (const claims of [{ exp: 1 }, { rooms: [] }, { host: 'yes' }, { sub: undefined }]) {
    bodies.push((await upgrade(server, `/ws/zoom/A?token=${token(claims)}`)).body);
  }
  const forged = `${token()}x`;
  bodies.push((await upgrade(server, `/ws/zoom/A?token=${forged}&token=${forged}`)).body);
  bodies.push((await upgrade(server, `/ws/b.d/A?token=${forged}`)).body);
  await expect(openSocket(server, '/ws/zoom/A', forged)).rejects.toThrow('refused with 401');
  await send(server, { path: '/api/connections/active', headers: { Authorization: `Bearer ${forged}` } });
  await send(server, { path: `/healthz?token=${admin}`, headers: { Broken: 'x'.repeat(9000) } });
  await server.stop();

  const log = lines.join('');
  const told = JSON.stringify(bodies);
  // The log did listen.
  for (const event of [
    'connection.joined',
    'connection.left',
    'socket.closed',
    'socket.failed',
    'admin.kicked',
  ]) {
    expect(log).toContain(`"msg":"${event}"`);
  }
  expect(log).toContain('"request":"POST /api/connections/rooms/canary/broadcast"');
  for (const text of [log, told]) {
    expect(text).not.toMatch(/canary-|bearer\.|[?&]token=/);
    for (const secret of used.flatMap(secretsIn)) expect(text).not.toContain(secret);
  }
});

test('an outage of the issuer is in the log, without the token that met it', async () => {
  const { server, lines } = await logged(keyless(await brokenKeySet()));
  const header = Buffer.from('{"alg":"RS256"}').toString('base64url');
  const token = `${header}.${server.token({ canary: 1 }).split('.')[1]}.c2lnbmF0dXJl`;
  const { status } = await upgrade(server, `/ws/zoom/A?token=${token}`);
  expect(status).toBe(503);
  const log = lines.join('');
  expect(log).toContain('"msg":"keys.unavailable"');
  for (const secret of secretsIn(token)) expect(log).not.toContain(secret);
});

test('every line is one JSON object, whatever clients send', async () => {
  const { server, lines } = await logged();
  const name = 'Eve"}\n{"level":60,"msg":"forged"}';
  const { socket } = await join(server, '/ws/chat/lines', server.token({ sub: name, name }));
  const path = '/api/connections/rooms/lines/close';
  const Authorization = `Bearer ${server.token({ scope, sub: name })}`;
  await request(server.url).post(path).set({ Authorization });
  await socket.closed;
  await server.stop();
  const parsed = lines.map((line) => JSON.parse(line));
  expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
  expect(parsed.map(({ msg }) => msg)).not.toContain('forged');
  expect(parsed).toContainEqual(expect.objectContaining({ msg: 'admin.closed', by: name, affected: 1 }));
});
