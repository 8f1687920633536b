import { expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import { join } from '../support/socket.ts';

test('the same id repeats the answer, and nothing is done twice', async () => {
  const server = await startServer();
  const alice = await join(server, '/ws/chat/twice', server.token());
  const bob = await join(server, '/ws/chat/twice', server.token());
  const message = { type: 'chat.send', id: 'm1', payload: { text: 'once' } };
  alice.socket.send(message);
  alice.socket.send(message);
  const answers = [await alice.socket.next('ack'), await alice.socket.next('ack')];
  expect(answers[1]).toEqual(answers[0]);
  await alice.socket.ask('chat.send', { text: 'after' });
  const heard = [await bob.socket.next('chat.message'), await bob.socket.next('chat.message')];
  expect(heard.map(({ payload }) => payload.text)).toEqual(['once', 'after']);
});

test('a refusal that is final is repeated too, even where the message would do now', async () => {
  const server = await startServer();
  const { socket, clientId } = await join(server, '/ws/zoom/final', server.token());
  const message = { type: 'signal.offer', id: 'm1', payload: { to: 'client_later', sdp: 'v=0' } };
  socket.send(message);
  const refused = await socket.next('error');
  await join(server, '/ws/zoom/final', server.token());
  socket.send({ ...message, payload: { to: clientId, sdp: 'v=0' } });
  expect(await socket.next('error')).toEqual(refused);
});

test('reads are carried out again', async () => {
  const server = await startServer();
  const { socket } = await join(server, '/ws/chat/reads', server.token());
  const read = async () => {
    socket.send({ type: 'presence.list', id: 'r1', payload: {} });
    return (await socket.next('presence.roster')).payload.participants;
  };
  expect(await read()).toHaveLength(1);
  await join(server, '/ws/chat/reads', server.token());
  expect(await read()).toHaveLength(2);
});

test('an id that comes with another type is a conflict; an invalid message leaves its id free', async () => {
  const server = await startServer();
  const { socket } = await join(server, '/ws/chat/ids', server.token());
  socket.send({ type: 'chat.send', id: 'm1', payload: { text: '' } });
  expect((await socket.next('error')).payload.code).toBe('invalid_message');
  socket.send({ type: 'chat.send', id: 'm1', payload: { text: 'fine' } });
  await socket.next('ack');
  socket.send({ type: 'presence.update', id: 'm1', payload: { handRaised: true } });
  expect(await socket.next('error')).toMatchObject({ replyTo: 'm1', payload: { code: 'id_conflict' } });
});

test('256 answers are remembered, the oldest are forgotten', async () => {
  const server = await startServer({ MESSAGE_BUDGET_SCALE: '1000' });
  const { socket } = await join(server, '/ws/chat/many', server.token());
  const say = async (n: number) => {
    socket.send({ type: 'chat.send', id: `m${n}`, payload: { text: `${n}` } });
    return JSON.stringify((await socket.next('ack')).payload);
  };
  const first = await say(0);
  const second = await say(1);
  for (let n = 2; n <= 256; n += 1) await say(n);
  expect(await say(1)).toBe(second);
  expect(await say(0)).not.toBe(first);
});
