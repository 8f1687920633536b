import { describe, expect, test } from 'vitest';
import { marked } from './history.ts';
import { Tale } from './tale.ts';

// Histories made by hand: a good one, and what each kind of fault makes of it.

/** Two in a room, one of whom has said something. */
function two(): Tale {
  const tale = new Tale().open('a').welcome('a', 'a1', ['a1']).open('b').welcome('b', 'b1', ['a1', 'b1']);
  const participants = [{ clientId: 'b1', connectionStatus: 'connected' }];
  return tale.receive('a', 'presence.joined', { participants }).say('a', 0, ['a', 'b']);
}

const back = { closes: true };

describe('nothing is wrong with', () => {
  test('two who talk', () => {
    expect(two().say('b', 0, ['b', 'a']).say('a', 1, ['b', 'a']).verdict()).toEqual([]);
  });

  test('one who is cut off, resumes, sends again what was not answered, and gets what it missed', () => {
    const tale = two().send('b', 0).close('b', 1006).hear('a', 'b', 0).keep('b', 0).say('a', 1, ['a']);
    tale
      .open('b', true)
      .welcome('b', 'b1', ['a1', 'b1'], true)
      .hear('b', 'b', 0)
      .ack('b', 0)
      .hear('b', 'a', 1);
    expect(tale.send('b', 0).ack('b', 0).verdict(back)).toEqual([]);
  });

  test('one who starts afresh, and so misses the end of what it had', () => {
    const tale = two().close('b', 1006).say('a', 1, ['a']);
    const departures = [{ clientId: 'b1', reason: 'disconnected' }];
    const participants = [{ clientId: 'b2', connectionStatus: 'connected' }];
    tale.receive('a', 'presence.left', { departures }).receive('a', 'presence.joined', { participants });
    tale.open('b', true).welcome('b', 'b2', ['a1', 'b2']).say('a', 2, ['a', 'b']);
    expect(tale.verdict({ ...back, freshStarts: true })).toEqual([]);
    expect(tale.verdict(back)).toEqual(['b started afresh, 1 times']);
  });

  test('one who is sent away before its welcome, and comes again', () => {
    const tale = two().open('c').close('c', 1012).open('c').welcome('c', 'c1', ['a1', 'b1', 'c1']);
    const participants = [{ clientId: 'c1', connectionStatus: 'connected' }];
    for (const one of ['a', 'b']) tale.receive(one, 'presence.joined', { participants });
    expect(tale.verdict()).toEqual([]);
  });

  test('a message that was perhaps carried out, as its sender was told, and was so late', () => {
    const tale = two().send('a', 1).receive('a', 'error', { retryable: true }, { replyTo: 'a-1' });
    tale.send('a', 2, { type: 'signal.data' });
    tale.receive('b', 'signal.data', { data: marked('a', 2) }, { from: 'a1' });
    tale.receive('a', 'ack', {}, { replyTo: 'a-2' }).hear('a', 'a', 1).hear('b', 'a', 1).keep('a', 1);
    expect(tale.verdict()).toEqual([]);
  });

  test('a message that was refused for now, under the same id again', () => {
    const tale = two().send('a', 1).receive('a', 'error', { retryable: true }, { replyTo: 'a-1' });
    expect(tale.say('a', 1, ['a', 'b']).verdict()).toEqual([]);
  });
});

describe('it is seen that', () => {
  const cases: Record<string, [tale: Tale, fault: RegExp]> = {
    'a message is lost': [
      two().send('a', 1).hear('a', 'a', 1).ack('a', 1).keep('a', 1),
      /^b missed 1 of a: #1/,
    ],
    'one in the middle of a session that ended is lost': [
      two()
        .say('a', 1, ['a'])
        .say('a', 2, ['a', 'b'])
        .close('b', 1006)
        .open('b')
        .welcome('b', 'b2', ['a1', 'b2']),
      /^b missed 1 of a: #1/,
    ],
    'one is not heard by its sender': [
      two().send('a', 1).hear('b', 'a', 1).ack('a', 1).keep('a', 1),
      /^a missed 1 of a/,
    ],
    'one comes twice': [two().hear('b', 'a', 0), /^b got a#0 twice$/],
    'one comes again by the resume': [
      two().close('b', 1006).open('b', true).welcome('b', 'b1', ['a1', 'b1'], true).hear('b', 'a', 0),
      /^b got a#0 twice$/,
    ],
    'two are in the wrong order': [
      two().send('a', 1).send('a', 2).hear('b', 'a', 2).hear('b', 'a', 1),
      /^b got a#1 after #2$/,
    ],
    'an acked one is not in the history': [
      two().send('a', 1).hear('a', 'a', 1).hear('b', 'a', 1).ack('a', 1),
      /^the history of r lacks a#1/,
    ],
    'one that was heard is not in the history': [
      two().send('a', 1).hear('b', 'a', 1),
      /^the history of r lacks a#1/,
    ],
    'one is in the history twice': [two().keep('a', 0), /^the history of r holds a#0 twice$/],
    'the history is in another order': [
      two().say('a', 2, ['a', 'b']).say('a', 1, []),
      /^the history of r holds a#1 after #2$/,
    ],
    'one is heard otherwise than it is in the history': [
      (() => {
        const tale = two().send('a', 1).hear('b', 'a', 1).hear('a', 'a', 1).ack('a', 1);
        tale.said.push({ messageId: 'm-a-1', text: marked('a', 3) });
        return tale;
      })(),
      /^b heard m-a-1 otherwise/,
    ],
    'nobody sent it': [two().hear('b', 'a', 7), /^b got a#7 \(chat.message\) of a1, who never sent it$/],
    'it says it is of somebody else': [
      two()
        .send('a', 1)
        .receive('b', 'signal.data', { data: marked('a', 1) }, { from: 'b1' }),
      /^b got a#1 \(signal.data\) of b1, who never sent it$/,
    ],
    'it was for another': [
      two()
        .send('a', 1, { type: 'signal.offer', to: 'a1' })
        .receive('b', 'signal.offer', { sdp: marked('a', 1) }, { from: 'a1' }),
      /^b got a#1 \(signal.offer\), which was not for it$/,
    ],
    'a room hears another': [
      two().open('c', false, 'other').welcome('c', 'c1', ['c1']).hear('c', 'a', 0),
      /^c got a#0 \(chat.message\), which was not for it$/,
    ],
    'it had been refused': [
      two().send('a', 1).receive('a', 'error', { retryable: false }, { replyTo: 'a-1' }).hear('b', 'a', 1),
      /^b got a#1 \(chat.message\), which was refused$/,
    ],
    'it was over before its hearer came': [
      two().open('c').welcome('c', 'c1', ['a1', 'b1', 'c1']).hear('c', 'a', 0),
      /^c got a#0 \(chat.message\), which was over before it came$/,
    ],
    'the history has it in another order': [
      (() => {
        const tale = two().say('a', 1, ['a', 'b']).say('b', 1, ['a', 'b']);
        tale.said.splice(-2, 2, ...tale.said.slice(-2).reverse());
        return tale;
      })(),
      /^b heard b#1 .*late: in the history of r it is before others$/,
    ],
    'one is answered twice': [two().ack('a', 0), /^a was answered 2 times to a-0, which it sent 1 times$/],
    'one that was sent again is carried out again': [
      two().send('a', 0).ack('a', 0, 'm-2'),
      /^a got two answers to a-0$/,
    ],
    'one is never answered': [two().send('b', 0), /^b was never answered to b-0$/],
    'a resume gives another id': [
      two().close('b', 1006).open('b', true).welcome('b', 'b2', ['a1', 'b2'], true),
      /^b resumed as b2, who it was not$/,
    ],
    'a fresh start has the old id': [
      two().close('b', 1006).open('b', true).welcome('b', 'b1', ['a1', 'b1']),
      /^b started afresh under the old id b1$/,
    ],
    'a resume was not asked for': [
      two().close('b', 1006).open('b').welcome('b', 'b1', ['a1', 'b1'], true),
      /^b resumed without having asked$/,
    ],
    'one is welcomed twice': [
      two().welcome('b', 'b1', ['a1', 'b1'], true),
      /^b was welcomed twice on one connection$/,
    ],
    'something comes before the welcome': [
      two().open('c').receive('c', 'presence.left', { departures: [] }),
      /^c got presence.left before its welcome$/,
    ],
    'a code was not to be expected': [two().close('b', 1002), /^the connection of b ended with 1002$/],
    'a handshake was refused for good': [
      (() => {
        const tale = two();
        tale.entries.push({ client: 'b', socket: 9, kind: 'refused', status: 401 });
        return tale;
      })(),
      /^b was refused with 401$/,
    ],
    'one never came back': [
      two().receive('a', 'presence.left', { departures: [{ clientId: 'b1', reason: 'left' }] }),
      /^a knows of \[a1 connected \(host\)\], and the registry of \[.*b1 connected\]$/,
    ],
    'one is told of members of another room': [
      two()
        .open('c', false, 'other')
        .welcome('c', 'c1', ['c1'])
        .receive('a', 'presence.joined', {
          participants: [{ clientId: 'c1', connectionStatus: 'connected' }],
        }),
      /^a was told of c1, who is in another room$/,
    ],
  };

  test.each(Object.entries(cases))('%s', (_name, [tale, fault]) => {
    const verdict = tale.verdict({ ...back, freshStarts: true });
    expect(
      verdict.filter((one) => fault.test(one)),
      verdict.join('\n'),
    ).toHaveLength(1);
  });

  test('a connection ended, where none may', () => {
    expect(two().close('b', 1006).verdict()).toEqual(['b lost its connection (1006, by the server)']);
  });
});
