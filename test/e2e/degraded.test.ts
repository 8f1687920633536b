import { expect, test } from 'vitest';
import { sayingDegraded } from '../../src/cluster/degraded.ts';
import { RedisBanStore } from '../../src/cluster/redis-ban-store.ts';
import { admin } from '../support/admin.ts';
import { connectTo, startRedis } from '../support/redis.ts';
import { startServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

/** A server that shares its bans with others. */
async function startSharing() {
  const redis = await startRedis();
  const bans = new RedisBanStore(sayingDegraded(await connectTo(redis)), 'test:');
  return { redis, server: await startServer({}, { bans }) };
}

const refused = async (answer: Promise<Response>) => {
  const response = await answer;
  const { code } = await response.json();
  return [response.status, code, response.headers.get('Retry-After')];
};

test('without what it shares, a server answers what depends on it with degraded, and nothing else', async () => {
  const { redis, server } = await startSharing();
  const host = await join(server, '/ws/zoom/r', server.token({ sub: 'host' }));
  const guest = await join(server, '/ws/zoom/r', server.token({ sub: 'guest' }));
  await redis.kill();

  const kick = `/connections/${guest.clientId}/kick`;
  const counted = await admin(server, 'POST', kick, { banSeconds: 60 });
  expect(counted.headers.get('RateLimit-Remaining')).toBe('19');
  const answers = [
    refused(Promise.resolve(counted)),
    refused(admin(server, 'GET', '/bans')),
    refused(admin(server, 'DELETE', '/bans/b')),
    refused(fetch(`${server.url}/api/ws/zoom/r/preflight?token=${server.token()}`)),
  ];
  for (const answer of answers) expect(await answer).toEqual([503, 'degraded', '1']);
  await expect(join(server, '/ws/zoom/r', server.token())).rejects.toThrow(/refused with 503.*"degraded"/);
  expect((await admin(server, 'GET', '/connections/active')).status).toBe(200);

  const answer = await host.socket.ask('participant.kick', { clientId: guest.clientId, banSeconds: 60 });
  expect(answer).toMatchObject({
    type: 'error',
    payload: { code: 'degraded', retryable: true, retryAfterMs: 1000 },
  });
  expect((await guest.socket.ask('presence.list')).type).toBe('presence.roster');
  expect((await admin(server, 'POST', kick)).status).toBe(200); // without a ban
});

test('what was refused as degraded is carried out when it is sent again under the same id', async () => {
  const { redis, server } = await startSharing();
  const host = await join(server, '/ws/chat/r', server.token({ sub: 'host' }));
  const guest = await join(server, '/ws/chat/r', server.token({ sub: 'guest' }));
  const message = {
    type: 'participant.kick',
    id: 'k',
    payload: { clientId: guest.clientId, banSeconds: 60 },
  };
  process.kill(redis.pid, 'SIGSTOP');
  host.socket.send(message);
  expect((await host.socket.next('error')).payload.code).toBe('degraded');
  process.kill(redis.pid, 'SIGCONT');
  await expect
    .poll(
      async () => {
        host.socket.send(message);
        return (await host.socket.next(({ replyTo }) => replyTo === 'k')).type;
      },
      { timeout: 10_000 },
    )
    .toBe('ack');
  expect((await guest.socket.closed).code).toBe(4500);
});

test('a server that is cut off from the others is not ready, and alive', async () => {
  let isDegraded = true;
  const server = await startServer({}, { isDegraded: () => isDegraded });
  expect(await refused(fetch(`${server.url}/readyz`))).toEqual([503, 'degraded', '5']);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  isDegraded = false;
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
});
