import request from 'supertest';
import { expect, test } from 'vitest';
import type { BanStore } from '../../src/rooms/ban-store.ts';
import { LocalBanStore } from '../../src/rooms/local-ban-store.ts';
import { createTelemetry, type TelemetryEvent } from '../../src/telemetry.ts';
import { Returning } from '../support/returning.ts';
import { startServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

const banScope = 'connections:kick connections:read';

/** A server whose bans fail in this way, and its log. */
async function frail(add: BanStore['add'], env: Readonly<Record<string, string>> = {}) {
  const bans = new LocalBanStore(Date.now);
  const events: TelemetryEvent[] = [];
  const lines: string[] = [];
  const { report: write } = createTelemetry('info', { write: (line) => lines.push(line) });
  const report = (event: TelemetryEvent) => {
    events.push(event);
    write(event);
  };
  const find: BanStore['find'] = (...about) => bans.find(...about);
  const server = await startServer(env, {
    bans: { add, find, list: () => bans.list(), lift: (id) => bans.lift(id) },
    report,
  });
  const failures = () => events.filter(({ type }) => /failed$/.test(type));
  return { server, failures, lines };
}

const throws: BanStore['add'] = () => {
  throw new Error('injected');
};
const rejects: BanStore['add'] = () => Promise.reject(new Error('injected'));

test.each([
  ['throws', throws],
  ['rejects', rejects],
])(
  'a handler that %s: its socket closes with 1011, the log has it once, and all else goes on',
  async (_how, add) => {
    const { server, failures, lines } = await frail(add);
    const host = await join(server, '/ws/zoom/frail', server.token({ sub: 'host' }));
    const second = await join(server, '/ws/zoom/frail', server.token({ sub: 'second' }));
    const third = await join(server, '/ws/zoom/frail', server.token({ sub: 'third' }));
    const payload = { clientId: third.clientId, banSeconds: 60, reason: 'canary-text' };
    host.socket.send({ type: 'participant.kick', id: 'k1', payload });
    host.socket.send({ type: 'chat.send', id: 'c1', payload: { text: 'too late' } });
    const answer = await host.socket.next('error');
    expect(answer).toMatchObject({ replyTo: 'k1', payload: { code: 'internal', retryable: false } });
    expect(await host.socket.closed).toEqual({ code: 1011, reason: 'internal' });
    expect(JSON.stringify(host.socket.frames)).not.toMatch(/injected|too late/);

    const message = expect.objectContaining({ type: 'participant.kick', id: 'k1' });
    const error = expect.objectContaining({ message: 'injected' });
    expect(failures()).toEqual([
      {
        type: 'socket.failed',
        connection: expect.objectContaining({ clientId: host.clientId }),
        message,
        error,
      },
    ]);
    const line = lines.find((one) => one.includes('socket.failed')) ?? '{}';
    expect(JSON.parse(line)).toMatchObject({
      message: 'participant.kick',
      id: 'k1',
      clientId: host.clientId,
    });
    expect(line).not.toContain('canary');

    // A fault of the server is not the end of its clients' session with the others: they hear that one went.
    await second.socket.next('presence.left');
    expect((await second.socket.ask('chat.send', { text: 'we go on' })).type).toBe('ack');
    await third.socket.next('chat.message');
    await join(server, '/ws/zoom/frail', server.token({ sub: 'host' }));
  },
);

test('a handler that fails after its client was cut off ends the session then, and not with its window', async () => {
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const add: BanStore['add'] = () => {
    asked.resolve();
    return gate.promise;
  };
  const { server, failures } = await frail(add, { RESUME_WINDOW_MS: '60000' });
  const host = await Returning.join(server, '/ws/zoom/frail', server.token({ sub: 'host' }));
  const { clientId } = host;
  const guest = await join(server, '/ws/zoom/frail', server.token({ sub: 'guest' }));
  const payload = { clientId: guest.clientId, banSeconds: 60 };
  host.socket.send({ type: 'participant.kick', id: 'k1', payload });
  await asked.promise;
  await host.cut();
  await guest.socket.next('presence.updated');
  gate.reject(new Error('injected'));
  expect((await guest.socket.next('presence.left')).payload.departures).toMatchObject([{ clientId }]);
  expect(failures()).toHaveLength(1);
  await host.back(server.token({ sub: 'host' }));
  expect(host.isResumed).toBe(false);
});

test.each([
  ['throws', throws],
  ['rejects', rejects],
])(
  'an operation that %s is 500, the log has it once, and the client in question stays',
  async (_how, add) => {
    const { server, failures } = await frail(add);
    const { socket, clientId } = await join(server, '/ws/zoom/frail', server.token());
    const { status, body } = await request(server.url)
      .post(`/api/connections/${clientId}/kick`)
      .set('Authorization', `Bearer ${server.token({ scope: banScope })}`)
      .set('X-Request-Id', 'r-500')
      .send({ banSeconds: 60 });
    expect([status, body.code, body.requestId]).toEqual([500, 'internal', 'r-500']);
    expect(JSON.stringify(body)).not.toContain('injected');
    expect(failures()).toEqual([
      {
        type: 'request.failed',
        requestId: 'r-500',
        request: `POST /api/connections/${clientId}/kick`,
        error: expect.objectContaining({ message: 'injected' }),
      },
    ]);
    expect((await socket.ask('presence.list')).payload.participants).toHaveLength(1);
  },
);
