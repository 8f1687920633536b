import request from 'supertest';
import { beforeAll, describe, expect, test } from 'vitest';
import { upgrade } from '../support/raw.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { join } from '../support/socket.ts';
import { mintToken } from '../support/token.ts';
import { brokenKeySet, keyless } from './attempt.ts';
import { outcome, send } from './raw-request.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}
const operations: readonly (Operation & { readonly needs: string })[] = [
  { needs: 'connections:read', method: 'GET', path: '/api/connections/active' },
  { needs: 'connections:kick', method: 'POST', path: '/api/connections/ID/kick', body: '{}' },
  {
    needs: 'rooms:broadcast',
    method: 'POST',
    path: '/api/connections/rooms/guarded/broadcast',
    body: '{"message":"m"}',
  },
  { needs: 'rooms:close', method: 'POST', path: '/api/connections/rooms/guarded/close' },
];

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const unsigned = (alg: string) =>
  `${encoded({ alg })}.${encoded({ sub: 'a', exp: 9e9, scope: 'rooms:close' })}.`;

describe('who is not known is 401, and nothing happens:', () => {
  const scope = operations.map(({ needs }) => needs).join(' ');
  const credentials: readonly (readonly [string, Record<string, string>, string])[] = [
    ['nothing', {}, 'unauthenticated'],
    ['a password', { Authorization: 'Basic YWRtaW46YWRtaW4=' }, 'unauthenticated'],
    ['a scheme without a token', { Authorization: 'Bearer' }, 'unauthenticated'],
    ['words', bearer('let me in'), 'unauthenticated'],
    ['garbage', bearer('abc'), 'invalid_token'],
    ['alg none', bearer(unsigned('none')), 'invalid_token'],
    ['alg nOnE', bearer(`${unsigned('nOnE')}x`), 'invalid_token'],
    [
      'another key',
      bearer(mintToken({ scope }, 'another secret, as long as the right one')),
      'invalid_token',
    ],
    ['an expired token', bearer(mintToken({ scope, exp: 1 })), 'token_expired'],
    ['a token of tomorrow', bearer(mintToken({ scope, nbf: 9e9 })), 'invalid_token'],
    ['a token without an end', bearer(mintToken({ scope, exp: undefined })), 'invalid_token'],
    ['a token of nobody', bearer(mintToken({ scope, sub: '' })), 'invalid_token'],
    ['claims of the wrong kind', bearer(mintToken({ scope: ['rooms:close'] })), 'invalid_token'],
  ];
  test.each(credentials)('%s', async (_name, headers, code) => {
    const { socket, clientId } = await join(server, '/ws/chat/guarded', server.token());
    for (const { method, path, body } of operations) {
      const asked = { method, path: path.replace('ID', clientId), headers, ...(body && { body }) };
      const response = await send(server, asked);
      expect(outcome(response)).toBe(`401 ${code}`);
      const challenge =
        code === 'unauthenticated' ? 'Bearer realm="signalbox"' : 'Bearer error="invalid_token"';
      expect(response.headers['www-authenticate']).toBe(challenge);
      expect(response.headers).not.toHaveProperty('ratelimit');
    }
    await socket.ask('presence.list');
    expect(socket.frames.map(({ type }) => type)).toEqual(['session.welcome', 'presence.roster']);
    await socket.close();
  });

  test('an admin token counts in the header alone', async () => {
    const path = `/api/connections/active?token=${server.token({ scope })}`;
    expect(outcome(await send(server, { path }))).toBe('401 unauthenticated');
  });

  test('the scheme is read whatever its case', async () => {
    const headers = { Authorization: `bEARER ${server.token({ scope })}` };
    expect((await send(server, { path: '/api/connections/active', headers })).status).toBe(200);
  });
});

describe('a scope is one whole word, else 403, and nothing happens:', () => {
  const others = (needs: string) =>
    operations.flatMap((one) => (one.needs === needs ? [] : one.needs)).join(' ');
  const near: readonly (readonly [string, (needs: string) => Record<string, unknown>])[] = [
    ['none', () => ({})],
    ['an empty one', () => ({ scope: '' })],
    ['all others', (needs) => ({ scope: others(needs) })],
    ['a longer word', (needs) => ({ scope: `${needs}s x${needs} ${needs}:all` })],
    [
      'a shorter word',
      (needs) => ({ scope: `${needs.slice(0, -1)} ${needs.split(':')[0]} ${needs.split(':')[0]}:` }),
    ],
    ['a star', (needs) => ({ scope: `* ${needs.split(':')[0]}:* *:*` })],
    ['capitals', (needs) => ({ scope: needs.toUpperCase() })],
    ['commas', (needs) => ({ scope: `${needs},${others(needs).replaceAll(' ', ',')}` })],
    ['tabs', (needs) => ({ scope: `x\t${needs}\ty` })],
    ['two words in one permission', (needs) => ({ permissions: [`${needs} ${others(needs)}`] })],
  ];
  test.each(near)('%s', async (_name, claims) => {
    const { socket, clientId } = await join(server, '/ws/chat/guarded', server.token());
    for (const { method, path, body, needs } of operations) {
      const headers = bearer(server.token({ sub: 'admin', ...claims(needs) }));
      const asked = { method, path: path.replace('ID', clientId), headers, ...(body && { body }) };
      const response = await send(server, asked);
      expect(outcome(response)).toBe('403 insufficient_scope');
      expect(response.headers).not.toHaveProperty('ratelimit');
    }
    await socket.ask('presence.list');
    expect(socket.frames.map(({ type }) => type)).toEqual(['session.welcome', 'presence.roster']);
    await socket.close();
  });

  test('the word among others, or as a permission, is enough', async () => {
    for (const claims of [{ scope: 'a connections:read b' }, { permissions: ['a', 'connections:read'] }]) {
      const headers = bearer(server.token(claims));
      expect((await send(server, { path: '/api/connections/active', headers })).status).toBe(200);
    }
  });
});

describe('one credential, else 400:', () => {
  const token = mintToken();
  const other = mintToken({ sub: 'other' });
  test.each([
    ['two in the query', `?token=${token}&token=${other}`, []],
    ['twice the same in the query', `?token=${token}&token=${token}`, []],
    ['an empty one beside it', `?token=&token=${token}`, []],
    ['query and subprotocol', `?token=${token}`, ['signal.v1', `bearer.${other}`]],
    ['query and the same as a subprotocol', `?token=${token}`, [`bearer.${token}`]],
    ['an empty query and a subprotocol', '?token=', [`bearer.${token}`]],
    ['two subprotocols', '', [`bearer.${token}`, `bearer.${other}`]],
    ['one and an empty subprotocol', '', [`bearer.${token}`, 'bearer.']],
    ['a query spelt oddly', `?%74oken=${token}&token=${other}`, []],
  ])('%s, on the upgrade', async (_name, query, protocols) => {
    const headers = { 'Sec-WebSocket-Protocol': protocols.length > 0 ? protocols.join(', ') : undefined };
    expect(outcome(await upgrade(server, `/ws/zoom/A${query}`, headers))).toBe('400 ambiguous_credentials');
  });

  test('in two lines of subprotocols', async () => {
    const headers = { 'Sec-WebSocket-Protocol': [`bearer.${token}`, `signal.v1, bearer.${other}`] };
    expect(outcome(await upgrade(server, '/ws/zoom/A', headers))).toBe('400 ambiguous_credentials');
  });

  test.each([
    ['header and query', `?token=${token}`, `Bearer ${other}`],
    ['header and the same in the query', `?token=${token}`, `Bearer ${token}`],
    ['two headers', '', [`Bearer ${token}`, `Bearer ${other}`]],
  ])('%s, on a preflight', async (_name, query, Authorization) => {
    const path = `/api/ws/zoom/A/preflight${query}`;
    expect(outcome(await send(server, { path, headers: { Authorization } }))).toBe(
      '400 ambiguous_credentials',
    );
  });

  test('two headers, on an admin operation', async () => {
    const headers = { Authorization: [`Bearer ${token}`, `Bearer ${other}`] };
    const response = await send(server, { path: '/api/connections/active', headers });
    expect(outcome(response)).toBe('400 ambiguous_credentials');
  });

  test.each([
    ['an empty query', '?token=', {}],
    ['another spelling', `?Token=${token}`, {}],
    ['after a #', `#?token=${token}`, {}],
    ['an empty subprotocol', '', { 'Sec-WebSocket-Protocol': 'signal.v1, bearer.' }],
    ['a subprotocol that is a token', '', { 'Sec-WebSocket-Protocol': `signal.v1, ${token}` }],
    ['a header, which browsers cannot send', '', bearer(token)],
    ['a cookie', '', { Cookie: `token=${token}` }],
  ])('%s is none, on the upgrade', async (_name, query, headers) => {
    expect(outcome(await upgrade(server, `/ws/zoom/A${query}`, headers))).toMatch(
      /^(401 unauthenticated|400 .*)$/,
    );
  });
});

describe('a token of 4 KiB', () => {
  const sized = (bytes: number): string => {
    for (let pad = 2_800; ; pad += 1) {
      const token = mintToken({ scope: 'connections:read', pad: 'x'.repeat(pad) });
      if (token.length >= bytes) return token;
    }
  };
  test.each([
    [4096, 200, 101],
    [4097, 401, 401],
  ])('%d bytes: REST says %d, the upgrade %d', async (bytes, rest, socket) => {
    const token = sized(bytes);
    expect(token).toHaveLength(bytes);
    const path = '/api/connections/active';
    expect((await send(server, { path, headers: bearer(token) })).status).toBe(rest);
    expect((await upgrade(server, `/ws/zoom/A?token=${token}`)).status).toBe(socket);
    const headers = { 'Sec-WebSocket-Protocol': `bearer.${token}` };
    expect((await upgrade(server, '/ws/zoom/A', headers)).status).toBe(socket);
  });

  test('a longer one breaks the contract of session.refreshToken', async () => {
    const { socket } = await join(server, '/ws/chat/A', server.token());
    const { payload } = await socket.ask('session.refreshToken', { token: sized(4097) });
    expect(payload).toMatchObject({ code: 'invalid_message', errors: [{ pointer: '/payload/token' }] });
  });
});

describe('without keys nobody gets in, and everybody is told to come back:', () => {
  const token = `${encoded({ alg: 'RS256', kid: 'k' })}.${encoded({ sub: 'a', exp: 9e9 })}.AAAA`;
  test.each([
    ['the issuer answers 500', brokenKeySet],
    ['nobody listens', async () => 'http://127.0.0.1:1/jwks'],
  ])('%s', async (_name, url) => {
    const deaf = await startServer(keyless(await url()));
    const rest = await request(deaf.url).get('/api/connections/active').set(bearer(token));
    const preflight = await request(deaf.url).get(`/api/ws/zoom/A/preflight?token=${token}`);
    const socket = await upgrade(deaf, `/ws/zoom/A?token=${token}`);
    for (const { status, body, headers } of [rest, preflight, socket]) {
      expect([status, headers['retry-after']]).toEqual([503, '1']);
      expect(body).toMatchObject({ code: 'auth_unavailable', retryAfter: 1 });
    }
    expect((await request(deaf.url).get('/readyz')).status).toBe(200);
  });
});
