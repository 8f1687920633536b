import { describe, expect, test } from 'vitest';
import { sampleFrame } from './samples.ts';
import { accepts, finds, type Talk, welcomed } from './talk.ts';

// In the examples offers have the id m1, presence.list m3, chat.send m4; answers of peers have none.
const result = { messageId: '018d0c0f-3a40-7c3e-9d35-2b1c1d3e4f50', sentAt: '2024-01-15T10:30:00Z' };
const offered = (): Talk => welcomed().client('signal.offer');
/** Ends a conversation long after its last message. */
const late = (talk: Talk): Talk => talk.wait(1001).end();

describe('a message with an id', () => {
  accepts('its ack', () => late(offered().ack('m1')));
  accepts('its result', () =>
    late(welcomed().client('chat.send').server('chat.message').ack('m4', { result })),
  );
  accepts('a reply of its own', () => late(welcomed().client('presence.list').server('presence.roster')));
  accepts('an error of the handler', () => late(offered().error('peer_not_found', 'm1')));
  accepts('the same id, asked and answered twice', () =>
    late(offered().ack('m1').client('signal.offer').ack('m1')),
  );
  finds('an answer to nothing', /^ack answers m1, which nobody sent/, () => welcomed().ack('m1'));
  finds('a second answer', /^ack answers m1, which was answered before/, () => offered().ack('m1').ack('m1'));
  finds('an answer and an error', /^error answers m1, which was answered/, () =>
    offered().ack('m1').error('peer_not_found', 'm1'),
  );
  finds('an ack for a reply', /^ack answers presence.list m3, should be presence.roster or error/, () =>
    welcomed().client('presence.list').ack('m3'),
  );
  finds('a reply for an ack', /^presence.roster answers signal.offer m1, should be ack or error/, () =>
    offered().server('presence.roster', { replyTo: 'm1' }),
  );
  finds('a result that is not declared', /^the ack of signal.offer has a result/, () =>
    offered().ack('m1', { result }),
  );
  finds('a missing result', /^the ack of chat.send lacks its result/, () =>
    welcomed().client('chat.send').ack('m4'),
  );
  test('finds an ill-typed result', () => {
    const { faults } = welcomed()
      .client('chat.send')
      .ack('m4', { result: { ...result, sentAt: 'then' } });
    expect(faults).toContainEqual(expect.stringMatching(/^the result of chat.send: .*date-time/));
  });
  finds('that it was refused as invalid', /^signal.offer m1 is well-formed, yet was refused/, () =>
    offered().error('invalid_message', 'm1'),
  );
  finds('that it was refused as unknown', /^signal.offer m1 is well-formed, yet was refused/, () =>
    offered().error('unknown_type', 'm1'),
  );
  finds('that it was never answered', /^signal.offer m1 was never answered$/, () => late(offered()));
  finds('that a close came too late to excuse it', /^signal.offer m1 was never answered$/, () =>
    offered().wait(1001).close('server', 1012).end(),
  );
  finds('that it was left out', /^signal.offer m1 was never answered, later messages were$/, () =>
    offered().client('presence.list').server('presence.roster').end(),
  );
});

describe('a message in the transcript', () => {
  const ofClient = ({ facts }: Talk): unknown[] =>
    facts.filter(([section, entry]) => section === 'transcript' && entry.startsWith('client.'));
  const example = (key: string): unknown => ['transcript', key, { channel: 'zoom', frame: sampleFrame(key) }];

  test('is one that was acknowledged, or had its reply', () => {
    expect(ofClient(offered().ack('m1'))).toEqual([example('client.signal.offer')]);
    const listed = welcomed().client('presence.list').server('presence.roster');
    expect(ofClient(listed)).toEqual([example('client.presence.list')]);
    const pinged = welcomed().client('session.ping').server('session.pong');
    expect(ofClient(pinged)).toEqual([example('client.session.ping')]);
  });

  test('is one that nothing ever answers', () => {
    expect(ofClient(welcomed().client('chat.typing'))).toEqual([example('client.chat.typing')]);
    expect(ofClient(welcomed().client('chat.typing', { extra: 1 }))).toEqual([]);
  });

  test('is none that was refused, malformed, or not answered yet', () => {
    expect(ofClient(offered())).toEqual([]);
    expect(ofClient(offered().error('peer_not_found', 'm1'))).toEqual([]);
    expect(ofClient(welcomed().client('signal.offer', { extra: 1 }).ack('m1'))).toEqual([]);
    expect(ofClient(offered().server('presence.roster', { replyTo: 'm1' }))).toEqual([]);
  });
});

describe('nobody can say that a message was not answered', () => {
  accepts('the end right after it', () => offered().wait(999).end());
  accepts('the close right after it', () => offered().close('server', 1011).wait(5000).end());
  accepts('a client that does not read', () => offered().wait(5000).end('client', true));
  accepts('a message after the close of the client', () =>
    late(welcomed().close('client', 1000).client('signal.offer')),
  );
  accepts('a message after the close of the server', () =>
    late(welcomed().close('server', 1012).client('signal.offer')),
  );
  accepts('a message after a kick', () =>
    late(welcomed().server('session.kicked').client('signal.offer').close('server', 4500)),
  );
  accepts('a message over the limit', () => late(welcomed().client(`"${'x'.repeat(65_536)}"`)));
  accepts('a binary message', () => late(welcomed().client(Buffer.from('{}'))));
  accepts('answers once the client cannot be read', () =>
    late(welcomed().lose().ack('m1').error('invalid_message')),
  );
});

describe('a message that comes too late', () => {
  finds('an answer to it', /^ack answers m1, which nobody sent/, () =>
    welcomed().close('client', 1000).client('signal.offer').ack('m1'),
  );
  test('does not count', () => {
    const gone = [
      welcomed().close('client', 1000),
      welcomed().close('server', 1012),
      welcomed().server('room.closed'),
    ];
    for (const talk of gone) {
      const before = [...talk.facts];
      expect(talk.client('signal.offer').facts).toEqual(before);
    }
  });
});

describe('a message without an id', () => {
  accepts('silence', () => late(welcomed().client('signal.answer')));
  accepts('an error of the handler', () => welcomed().client('signal.answer').error('peer_not_found'));
  accepts('a pong', () => welcomed().client('session.ping').server('session.pong'));
  accepts('a pong that is dropped', () => late(welcomed().client('session.ping')));
  finds('a pong that nobody asked for', /^session.pong answers nothing/, () =>
    welcomed().server('session.pong'),
  );
  finds('a second pong', /^session.pong answers nothing/, () =>
    welcomed().client('session.ping').server('session.pong').server('session.pong'),
  );
  finds('a pong with another t', /^session.pong answers nothing/, () =>
    welcomed()
      .client('session.ping')
      .server('session.pong', { payload: { t: 1, serverTime: 1 } }),
  );
  finds(
    'that it was refused as invalid',
    /^an error invalid_message where every message was well-formed/,
    () => welcomed().client('signal.answer').error('invalid_message'),
  );
});

describe('a message that breaks the contract', () => {
  const twice = JSON.stringify(sampleFrame('client.signal.offer')).replace('{', '{"id":"m1",');
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  const keyed = (count: number): object =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
  const data = (value: unknown): Talk =>
    welcomed().client('signal.data', { payload: { topic: 'a', data: value } });

  accepts('its refusal', () => late(welcomed().client('{').error('invalid_message')));
  accepts('its refusal by its id', () =>
    late(welcomed().client('signal.offer', { extra: 1 }).error('invalid_message', 'm1')),
  );
  accepts('a refused type', () =>
    late(welcomed().client('{"type":"x","id":"m1"}').error('unknown_type', 'm1')),
  );
  accepts('a refused channel', () => late(welcomed('chat').client('signal.answer').error('not_allowed')));
  accepts('a close', () => welcomed().client('{').close('server', 4506).wait(5000).end());
  accepts('a name that repeats, refused or not', () => {
    late(welcomed().client(twice).ack('m1'));
    return late(welcomed().client(twice).error('invalid_message'));
  });
  accepts('a name that repeats beside a list', () => {
    const odd = '{"type":"signal.data","payload":{"topic":"a","topic":"a","data":[1,2]}}';
    return late(welcomed().client(odd).error('invalid_message'));
  });
  accepts('frames that are no objects, refused', () => {
    const talk = welcomed();
    for (const odd of ['null', '5', '[]', '"a"']) talk.client(odd).error('invalid_message');
    return late(talk);
  });
  finds('a list that is not refused', /^a malformed frame was never answered/, () =>
    late(welcomed().client('[]')),
  );
  accepts('a lone surrogate, refused by its id', () =>
    late(
      welcomed()
        .client('signal.offer', { payload: { to: 'a', sdp: '\ud800' } })
        .error('invalid_message', 'm1'),
    ),
  );
  accepts('__proto__, refused or not', () => {
    const odd = '{"type":"signal.data","payload":{"topic":"a","data":{"__proto__":1}}}';
    return late(welcomed().client(odd).client(odd).error('invalid_message'));
  });
  accepts('long metadata, refused', () =>
    welcomed()
      .client('presence.update', { payload: { metadata: { a: 'x'.repeat(1024) } } })
      .error('invalid_message', 'm2'),
  );
  accepts('no data, which is data too', () => late(data(null)));
  accepts('data as deep as may be', () => late(data(nested(14))));
  accepts('as many keys as may be', () => late(data(keyed(252))));
  finds('data too deep that is not refused', /^signal.data was never answered/, () => late(data(nested(15))));
  finds('too many keys that are not refused', /^signal.data was never answered/, () =>
    late(data(keyed(253))),
  );
  finds('a malformed frame that is not refused', /^a malformed frame was never answered/, () =>
    late(welcomed().client('{')),
  );
  finds('an unknown field that is not refused', /^signal.answer was never answered/, () =>
    late(welcomed().client('signal.answer', { from: 'me' })),
  );
  finds('a foreign message that is not refused', /^signal.answer was never answered/, () =>
    late(welcomed('chat').client('signal.answer')),
  );
  finds('that it was carried out', /^ack answers signal.offer m1, should be error/, () =>
    welcomed().client('signal.offer', { extra: 1 }).ack('m1'),
  );
  finds('a second refusal', /^an error invalid_message where/, () =>
    welcomed().client('{').error('invalid_message').error('invalid_message'),
  );
  finds('a refusal without the id that could be read', /^an error invalid_message where/, () =>
    welcomed().client('signal.offer', { extra: 1 }).error('invalid_message'),
  );

  test('does not count', () => {
    expect(welcomed().client('signal.offer', { extra: 1 }).facts).toEqual(welcomed().facts);
    expect(offered().facts).toContainEqual(['messages', 'client.signal.offer']);
  });
});
