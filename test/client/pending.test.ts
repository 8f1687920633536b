import { expect, test } from 'vitest';
import { frameLimits, type ServerMessage } from '../../generated/messages.ts';
import { NotSent, Unanswered } from '../../src/client/errors.ts';
import { Pending } from '../../src/client/pending.ts';

const { maxRememberedAnswers } = frameLimits;

function rig() {
  const pending = new Pending();
  const written: { id?: string; payload: { text?: string } }[] = [];
  const texts = () => written.splice(0).map(({ payload }) => payload.text);
  const say = (text: string) => pending.send('chat.send', { text });
  const open = () => pending.open((frame) => written.push(frame as (typeof written)[number]));
  const answer = (id: string) =>
    pending.settle({ type: 'ack', ts: 1, replyTo: id, payload: {} } as ServerMessage);
  return { pending, written, texts, say, open, answer };
}

test('what was sent and not answered goes again first, and then what was said meanwhile, in order', async () => {
  const { pending, texts, say, open, answer } = rig();
  open();
  const sent = ['a', 'b', 'c'].map(say);
  expect(texts()).toEqual(['a', 'b', 'c']);
  answer('m2');
  await sent[1];
  pending.pause();
  const later = ['d', 'e'].map(say);
  expect(texts()).toEqual([]);
  open();
  expect(texts()).toEqual(['a', 'c', 'd', 'e']);
  for (const id of ['m1', 'm3', 'm4', 'm5']) expect(answer(id)).toBe(true);
  await Promise.all([...sent, ...later]);
  expect(answer('m1')).toBe(false);
});

test('no more are on their way than the server remembers the answers of', async () => {
  const { pending, texts, say, open, answer } = rig();
  open();
  const sent = Array.from({ length: maxRememberedAnswers + 2 }, (_, n) => say(`${n}`));
  expect(texts()).toHaveLength(maxRememberedAnswers);
  answer('m1');
  expect(texts()).toEqual([`${maxRememberedAnswers}`]);
  pending.pause();
  open();
  expect(texts()).toEqual(Array.from({ length: maxRememberedAnswers }, (_, n) => `${n + 1}`));
  for (let n = 2; n <= sent.length; n += 1) answer(`m${n}`);
  await Promise.all(sent);
});

test('what waits is bounded; what may be dropped does not wait', async () => {
  const { pending, written, say, open } = rig();
  const waiting = Array.from({ length: 1_024 }, (_, n) => say(`${n}`));
  await expect(say('one more')).rejects.toBeInstanceOf(NotSent);
  await expect(pending.send('session.ping', { t: 1 })).rejects.toBeInstanceOf(NotSent);
  expect(await pending.send('chat.typing', { state: 'start' })).toBeUndefined();
  open();
  expect(written).toHaveLength(maxRememberedAnswers);
  const settled = Promise.allSettled(waiting);
  pending.restart();
  const reasons = (await settled).map((one) => one.status === 'rejected' && one.reason);
  expect(reasons.filter((reason) => reason instanceof Unanswered)).toHaveLength(maxRememberedAnswers);
  expect(reasons.filter((reason) => reason instanceof NotSent)).toHaveLength(1_024 - maxRememberedAnswers);
});

test('nothing of a session that is gone is said in the next one', async () => {
  const { pending, texts, say, open, answer } = rig();
  open();
  const settled = Promise.allSettled([say('sent')]);
  pending.pause();
  pending.restart();
  texts();
  open();
  expect(texts()).toEqual([]);
  expect((await settled)[0]).toMatchObject({ status: 'rejected', reason: { name: 'Unanswered' } });
  const next = say('new');
  answer('m2');
  await next;
});
