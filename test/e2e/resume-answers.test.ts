import { expect, test } from 'vitest';
import { frameLimits, rateClasses } from '../../generated/messages.ts';
import { LocalBanStore } from '../../src/rooms/local-ban-store.ts';
import type { TelemetryEvent } from '../../src/telemetry.ts';
import { Returning } from '../support/returning.ts';
import { startServer } from '../support/server.ts';
import { type Frame, join, valueAt } from '../support/socket.ts';
import { lostCount, startWithWindows } from '../support/windows.ts';

const path = '/ws/chat/answers';

test('what was sent before the cut and is sent again after it is done once', async () => {
  const { server } = await startWithWindows();
  const ann = await join(server, path, server.token({ sub: 'ann' }));
  const bob = await Returning.join(server, path, server.token({ sub: 'bob' }));
  const said = { type: 'chat.send', id: 'm1', payload: { text: 'once' } };
  bob.socket.send(said);
  const { received } = bob;
  const ack = await bob.socket.next('ack');
  await bob.cut();
  await lostCount(server, 1);
  // The answer did not come this far, says the client.
  await bob.back(server.token({ sub: 'bob' }), { received });
  bob.socket.send(said);
  bob.socket.send({ type: 'chat.send', id: 'm2', payload: { text: 'twice' } });
  const answers = [await bob.socket.next('ack'), await bob.socket.next('ack'), await bob.socket.next('ack')];
  expect(answers.slice(0, 2)).toEqual([ack, ack]); // what was missed, and what was asked for again
  expect(answers[2]?.replyTo).toBe('m2');
  const heard = [await ann.socket.next('chat.message'), await ann.socket.next('chat.message')];
  expect(heard.map(({ payload }) => payload.text)).toEqual(['once', 'twice']);
  bob.socket.send({ ...said, type: 'presence.update', payload: { handRaised: true } });
  expect((await bob.socket.next('error')).payload.code).toBe('id_conflict');
});

test('what is answered already and sent again after the cut costs nothing of what may be sent', async () => {
  let skewMs = 0;
  const server = await startServer({ RESUME_WINDOW_MS: '60000' }, { now: () => Date.now() + skewMs });
  const bob = await Returning.join(server, path, server.token({ sub: 'bob' }));
  const { received } = bob;
  const { burst, perSecond } = rateClasses.chat;
  const send = (n: number) => bob.socket.send({ type: 'chat.send', id: `m${n}`, payload: { text: `${n}` } });
  const numbers = Array.from({ length: burst }, (_, index) => index);
  numbers.forEach(send);
  await bob.socket.next(({ replyTo }) => replyTo === `m${burst - 1}`);
  await bob.cut();
  await lostCount(server, 1);
  skewMs += 1_000 / perSecond; // for one more
  await bob.back(server.token({ sub: 'bob' }), { received });
  for (const n of [...numbers, burst]) send(n);
  await bob.socket.next(({ replyTo }) => replyTo === `m${burst}`);
  expect(bob.socket.frames.filter(({ type }) => type === 'error')).toEqual([]);
  expect(bob.socket.frames.filter(({ type }) => type === 'ack')).toHaveLength(2 * burst + 1);
  // Once, and of a return: else it costs as much as any other message.
  skewMs += 1_000;
  for (let round = 0; round < frameLimits.maxRememberedAnswers / burst + 1; round += 1) numbers.forEach(send);
  expect((await bob.socket.next('error')).payload.code).toBe('rate_limited');
});

test('what is under way while its socket is lost is done once, and answered on the next one, in its turn', async () => {
  const gate = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const kept = new LocalBanStore(Date.now);
  const bans = Object.assign(Object.create(kept), {
    find: kept.find.bind(kept),
    add: async (ban: Parameters<typeof kept.add>[0]) => {
      asked.resolve();
      await gate.promise;
      return kept.add(ban);
    },
  });
  const server = await startServer({ RESUME_WINDOW_MS: '60000' }, { bans });
  const host = await Returning.join(server, path, server.token({ sub: 'host' }));
  const guest = await join(server, path, server.token({ sub: 'guest' }));
  const kick = { type: 'participant.kick', id: 'k', payload: { clientId: guest.clientId, banSeconds: 60 } };
  host.socket.send(kick);
  await asked.promise;
  await host.cut();
  await lostCount(server, 1);
  await host.back(server.token({ sub: 'host' }));
  host.socket.send(kick);
  host.socket.send({ type: 'chat.send', id: 'later', payload: { text: 'later' } });
  gate.resolve();
  const answers: Frame[] = [];
  while (answers.length < 3) answers.push(await host.socket.next(({ replyTo }) => replyTo !== undefined));
  expect(answers.map(({ replyTo, type }) => [replyTo, type])).toEqual([
    ['k', 'ack'],
    ['k', 'ack'],
    ['later', 'ack'],
  ]);
  expect((await guest.socket.closed).code).toBe(4500);
  expect(await kept.list()).toHaveLength(1);
});

test('whoever was too slow to read has all of it after all, or a fresh start', {
  timeout: 30_000,
}, async () => {
  let code: number | undefined;
  const report = (event: TelemetryEvent) => {
    if (event.type === 'socket.closed') code = event.code;
  };
  const env = { RESUME_WINDOW_MS: '60000', MESSAGE_BUDGET_SCALE: '1000' };
  const server = await startServer(env, { report });
  const ann = await join(server, path, server.token({ sub: 'ann' }));
  const bob = await Returning.join(server, path, server.token({ sub: 'bob' }));
  bob.socket.ws.pause();
  const data = 'x'.repeat(60_000);
  let sent = 0;
  while (code === undefined && sent < 2_000) {
    sent += 1;
    await ann.socket.ask('signal.data', { topic: `${sent}`, data });
  }
  expect(code).toBe(4002);
  // These come to a socket that closes.
  for (let n = 0; n < 3; n += 1) {
    sent += 1;
    await ann.socket.ask('signal.data', { topic: `${sent}`, data: null });
  }
  bob.socket.ws.resume();
  await bob.socket.closed;
  await bob.back(server.token({ sub: 'bob' }));
  const { isResumed } = bob;
  if (isResumed) await bob.socket.next(({ payload }) => payload.topic === `${sent}`);
  const topics = bob.frames.flatMap(({ payload }) => valueAt(payload, 'topic') ?? []);
  const all = Array.from({ length: sent }, (_, index) => `${index + 1}`);
  expect(topics).toEqual(isResumed ? all : []);
});
