import { expect, test } from 'vitest';
import { Issuer, type SigningKey, sign, signingKey } from '../auth/issuer.ts';
import { upgrade } from '../support/raw.ts';
import { atScopeEnd } from '../support/scope.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { join, openSocket } from '../support/socket.ts';
import { keyless } from './attempt.ts';
import { outcome } from './raw-request.ts';
import { RawSocket } from './raw-socket.ts';

/** A server whose issuer can be made to think: tokens of a key that is not known yet wait until it answers. */
class Setting {
  readonly server: TestServer;
  readonly #issuer: Issuer;
  readonly #clock: { offsetMs: number };
  readonly #known: SigningKey;
  readonly #late: SigningKey;

  private constructor(
    server: TestServer,
    issuer: Issuer,
    clock: { offsetMs: number },
    keys: [SigningKey, SigningKey],
  ) {
    this.server = server;
    this.#issuer = issuer;
    this.#clock = clock;
    [this.#known, this.#late] = keys;
  }

  static async start(): Promise<Setting> {
    const keys: [SigningKey, SigningKey] = [await signingKey('known'), await signingKey('late')];
    const issuer = await new Issuer().start(keys[0]);
    atScopeEnd(() => issuer.stop());
    const clock = { offsetMs: 0 };
    const env = { ...keyless(issuer.url), HEARTBEAT_TIMEOUT_MS: '2000000000' };
    const server = await startServer(env, { now: () => Date.now() + clock.offsetMs });
    return new Setting(server, issuer, clock, keys);
  }

  token(sub: string, key: 'known' | 'late' = 'known', more: object = {}): Promise<string> {
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const claims = { sub, iss: 'https://issuer.example', aud: 'signalbox', exp, ...more };
    return sign(key === 'known' ? this.#known : this.#late, claims);
  }

  /** From here on the issuer thinks; `asked` resolves when the server waits for it, `answer` ends the wait. */
  think(): { asked: Promise<void>; answer: () => void } {
    this.#clock.offsetMs += 31_000; // past the time in which no second fetch is made
    this.#issuer.keys = [this.#known, this.#late];
    let answer = (): void => {};
    const asked = new Promise<void>((resolve) => {
      this.#issuer.answer = (request, response) => {
        answer = () => this.#issuer.publish(request, response);
        resolve();
      };
    });
    return { asked, answer: () => answer() };
  }
}

test('tokens of an issuer are good on both ways in, and a new key of its own is found', async () => {
  const setting = await Setting.start();
  const { socket } = await join(setting.server, '/ws/chat/keys', await setting.token('alice'));
  const { asked, answer } = setting.think();
  const joining = join(setting.server, '/ws/chat/keys', await setting.token('bob', 'late'));
  await asked;
  // Who has a known key does not wait.
  await join(setting.server, '/ws/chat/keys', await setting.token('carol'));
  answer();
  expect((await joining).welcome.payload.rosterTotal).toBe(3);
  expect((await socket.ask('presence.list')).payload.participants).toHaveLength(3);
});

test('a server that began to drain while it looked at the token lets nobody in any more', async () => {
  const setting = await Setting.start();
  await join(setting.server, '/ws/chat/keys', await setting.token('alice'));
  const { asked, answer } = setting.think();
  const refused = upgrade(setting.server, `/ws/chat/keys?token=${await setting.token('bob', 'late')}`);
  await asked;
  await setting.server.drain();
  answer();
  const response = await refused;
  expect(outcome(response)).toBe('503 draining');
  expect(response.headers['retry-after']).toBe('5');
});

test('a client that goes before its token is verified was never there', async () => {
  const setting = await Setting.start();
  const { socket } = await join(setting.server, '/ws/chat/keys', await setting.token('alice'));
  const { asked, answer } = setting.think();
  const impatient = new RawSocket(
    setting.server,
    `/ws/chat/keys?token=${await setting.token('bob', 'late')}`,
  );
  await asked;
  impatient.tcp.destroy();
  await join(setting.server, '/ws/chat/keys', await setting.token('carol')); // by when the server has noticed
  answer();
  await join(setting.server, '/ws/chat/keys', await setting.token('dave', 'late'));
  const { payload } = await socket.ask('presence.list');
  expect(payload.participants).toMatchObject([{ userId: 'alice' }, { userId: 'carol' }, { userId: 'dave' }]);
});

test('a client that goes before its new token is verified does not become host', async () => {
  const setting = await Setting.start();
  const alice = await join(setting.server, '/ws/zoom/keys', await setting.token('alice'));
  const bob = await openSocket(setting.server, '/ws/zoom/keys', await setting.token('bob'));
  const { asked, answer } = setting.think();
  const token = await setting.token('bob', 'late', { host: true });
  bob.send({ type: 'session.refreshToken', payload: { token } });
  await asked;
  bob.ws.terminate();
  await alice.socket.next('presence.left');
  answer();
  // Whoever comes later is verified later.
  for (const sub of ['carol', 'dave', 'eve']) {
    await join(setting.server, '/ws/zoom/keys', await setting.token(sub, 'late'));
  }
  const last = await join(setting.server, '/ws/zoom/keys', await setting.token('frank', 'late'));
  expect(last.welcome.payload.room).toMatchObject({ hosts: [alice.clientId] });
  expect(alice.socket.frames.map(({ type }) => type)).not.toContain('host.changed');
});

test('a socket that waits for the issuer can be closed', async () => {
  const setting = await Setting.start();
  const { socket } = await join(setting.server, '/ws/chat/keys', await setting.token('alice'));
  const { asked, answer } = setting.think();
  socket.send({ type: 'session.refreshToken', payload: { token: await setting.token('alice', 'late') } });
  await asked;
  const drained = setting.server.drain();
  expect(await socket.closed).toEqual({ code: 1012, reason: 'restarting' });
  answer();
  await drained;
  expect(socket.frames.map(({ type }) => type)).toEqual(['session.welcome', 'session.draining']);
});
