import { describe, expect, test } from 'vitest';
import { objectAt } from '../../src/codegen/documents.ts';
import { sampleFrame } from './samples.ts';
import { accepts, finds, resumed, sockets, Talk, welcomed } from './talk.ts';

const waiting = (): Talk => new Talk().server('admission.waiting');
const left = (): Talk => welcomed().client('session.leave').ack('m9');

describe('frames of the server', () => {
  const keys = sockets.facts().flatMap(([section, key]) => (section === 'messages' ? [key] : []));

  test.each(keys)('the example of %s is declared, and counts', (key) => {
    const type = key.replace(/^\w+\./, '');
    const talk = /^server.(session.welcome|admission)/.test(key) ? new Talk() : welcomed();
    if (type === 'admission.denied') talk.server('admission.waiting');
    if (key.startsWith('client.')) talk.client(type);
    else talk.server(type);
    // Replies come unasked here, which is wrong, but not what this test is about.
    const unasked = /nobody sent|answers nothing|every message was/;
    expect(talk.faults.filter((fault) => !unasked.test(fault))).toEqual([]);
    expect(talk.facts).toContainEqual(['messages', key]);
  });

  accepts('data of any shape', () =>
    welcomed().server('signal.data', { payload: { topic: 'a', data: { any: [{ thing: 1 }] } } }),
  );
  accepts('pings and pongs', () =>
    welcomed().control('server', 'ping').control('client', 'pong').control('client', 'ping').wait(5000).end(),
  );
  finds('a binary one', /^not a JSON object/, () => welcomed().server(Buffer.from('{}')));
  finds('one that is no JSON', /^not a JSON object/, () => welcomed().server('{'));
  finds('one that is no object', /^not a JSON object/, () => welcomed().server('[]'));
  finds('an undeclared type', /^news: undeclared on zoom/, () =>
    welcomed().server('{"type":"news","ts":1,"replyTo":"m1","payload":{}}'),
  );
  finds('a type of another channel', /^signal.offer: undeclared on chat/, () =>
    welcomed('chat').server('signal.offer'),
  );
  finds('an extra field in the frame', /^notice: \/ .*: extra/, () =>
    welcomed().server('notice', { extra: 1 }),
  );
  finds('an extra field in the payload', /^session.kicked: \/payload .*: extra/, () =>
    welcomed().server('session.kicked', { payload: { by: 'admin', extra: 1 } }),
  );
  finds('an extra field deep inside', /^session.welcome: \/payload\/heartbeat .*: extra/, () => {
    const payload = objectAt(sampleFrame('server.session.welcome'), 'payload');
    const heartbeat = { intervalMs: 1, timeoutMs: 2, extra: 3 };
    return new Talk().server('session.welcome', { payload: { ...payload, heartbeat } });
  });
  finds('a missing field', /^signal.data: .*'data'/, () =>
    welcomed().server('signal.data', { payload: { topic: 'a' } }),
  );
  finds('an ill-typed field', /^notice: \/ts must be integer/, () =>
    welcomed().server('notice', { ts: 'now' }),
  );
  finds('a time that is none', /^session.tokenExpiring: .*date-time/, () =>
    welcomed().server('session.tokenExpiring', { payload: { expiresAt: 'soon' } }),
  );
  finds('a sender that is no client id', /^signal.hangup: \/from must match/, () =>
    welcomed().server('signal.hangup', { from: 'a b' }),
  );
  finds('an error code that is for HTTP alone', /^error code not_found does not belong/, () =>
    welcomed().error('not_found'),
  );
  finds('a wrong retryable', /^error peer_not_found: retryable is true/, () =>
    welcomed().error('peer_not_found', undefined, true),
  );

  test('that are wrong do not count', () => {
    const talk = new Talk().server('session.welcome', { extra: 1 }).error('not_found').close('server', 4999);
    expect(talk.facts.map(([section, entry]) => [section, entry])).toEqual([
      ['messages', 'server.error'],
      ['transcript', 'server.error'],
    ]);
  });

  test('that are right belong into the transcript, with the channel', () => {
    const example = { channel: 'chat', frame: sampleFrame('server.notice', { ts: 7 }) };
    const { facts } = welcomed('chat').server('notice', { ts: 7 });
    expect(facts).toContainEqual(['transcript', 'server.notice', example]);
  });

  test('that are errors count by their code', () => {
    expect(welcomed().error('peer_not_found').facts).toContainEqual(['codes on sockets', 'peer_not_found']);
  });
});

describe('the welcome', () => {
  finds('another first frame', /^notice before session.welcome/, () => new Talk().server('notice'));
  finds('a second one', /^a second session.welcome/, () => welcomed().server('session.welcome'));
  finds('that nothing ever came', /^no frame came/, () => new Talk().wait(1001).end());
  accepts('that it comes after a wait, with what concerns the client alone in between', () =>
    waiting()
      .server('notice')
      .server('session.tokenExpiring')
      .server('session.welcome')
      .server('presence.left'),
  );
  finds('news of the room before it', /^presence.left before session.welcome/, () =>
    waiting().server('presence.left'),
  );
  finds('a wait after it', /^admission.waiting after session.welcome/, () =>
    welcomed().server('admission.waiting'),
  );
  accepts('that it never comes, and why', () =>
    waiting().server('admission.denied').close('server', 4509).close('client', 4509).end('server'),
  );
  finds('another close than the announced one', /^close 4500 after admission.denied/, () =>
    waiting().server('admission.denied').close('server', 4500),
  );
  accepts('a client that does not wait for it', () => new Talk().wait(999).end());
});

describe('the end', () => {
  accepts('a leave', () => left().close('server', 1000).close('client', 1000).end('server'));
  accepts('a kick', () =>
    welcomed().server('session.kicked').close('server', 4500).close('client', 4500).end('server'),
  );
  accepts('a closed room', () => welcomed().server('room.closed').close('server', 4502).end('server'));
  accepts('a client that is kicked just as it goes', () =>
    welcomed().close('client', 1000).server('session.kicked').close('server', 1000).end(),
  );
  accepts('a client that is gone before the close', () => welcomed().server('session.kicked').end('client'));
  accepts('the echo of an unknown code', () => welcomed().close('client', 4999).close('server', 4999).end());
  accepts('the echo of no code', () => welcomed().close('client', 1005).close('server', 1005).end());
  finds('a frame after session.kicked', /^notice after session.kicked/, () =>
    welcomed().server('session.kicked').server('notice'),
  );
  finds('a frame after room.closed', /^notice after room.closed/, () =>
    welcomed().server('room.closed').server('notice'),
  );
  finds('a frame after the ack of a leave', /^notice after session.leave/, () => left().server('notice'));
  finds('a frame after the close', /^notice after the server's close/, () =>
    welcomed().close('server', 1012).server('notice'),
  );
  finds('no close after session.kicked', /^no close followed session.kicked/, () =>
    welcomed().server('session.kicked').end('server'),
  );
  finds('no close after a leave', /^no close followed session.leave/, () => left().end('server'));
  finds('another close after session.kicked', /^close 1000 after session.kicked/, () =>
    welcomed().server('session.kicked').close('server', 1000),
  );
  finds('another close after room.closed', /^close 4500 after room.closed/, () =>
    welcomed().server('room.closed').close('server', 4500),
  );
  finds('another close after a leave', /^close 1012 after session.leave/, () => left().close('server', 1012));
  finds('4500 out of the blue', /^close 4500 unannounced/, () => welcomed().close('server', 4500));
  finds('4502 out of the blue', /^close 4502 unannounced/, () => welcomed().close('server', 4502));
  finds('an undeclared code', /^undeclared close code 4999/, () => welcomed().close('server', 4999));
  finds('a close without a code', /^undeclared close code 1005/, () => welcomed().close('server', 1005));
  finds("an undeclared code that is not the client's", /^undeclared close code 4998/, () =>
    welcomed().close('client', 1000).close('server', 4998),
  );
  finds('a second close', /^a second close/, () => welcomed().close('server', 1012).close('server', 1012));

  test('counts by its code, unless it is an echo', () => {
    expect(welcomed().close('server', 1012).facts).toContainEqual(['close codes', '1012 restarting']);
    expect(left().close('server', 1000).facts).toContainEqual(['close codes', '1000 normal']);
    const echo = welcomed().close('client', 1000).close('server', 1000);
    expect(echo.facts.filter(([section]) => section === 'close codes')).toEqual([]);
  });
});

describe('a session that goes on', () => {
  const notice = (message: string) => ({
    payload: { noticeId: '0190e2f0-7c10-7000-8000-000000000002', message, sentAt: '2024-01-15T10:30:00Z' },
  });
  const told = () => welcomed().server('notice', notice('a')).server('notice', notice('b'));

  accepts('what was missed, and what follows', () =>
    resumed(told(), 2).server('notice', notice('b')).server('notice', notice('c')),
  );
  accepts('nothing missed', () => resumed(told(), 3).server('notice', notice('c')));
  accepts('an answer that comes later, or again', () => {
    const talk = told().client('chat.send', { id: 'm1' }).client('chat.send', { id: 'm2' });
    const result = {
      result: { messageId: '0190e2f0-7c10-7000-8000-000000000001', sentAt: '2024-01-15T10:30:00Z' },
    };
    talk.ack('m1', result).end();
    const again = resumed(talk, 3).client('chat.send', { id: 'm2' });
    return again.ack('m1', result).ack('m2', result).ack('m2', result).end();
  });
  accepts('a fresh start', () => {
    const { self } = objectAt(sampleFrame('server.session.welcome'), 'payload');
    const other = { self: { ...objectAt(self), clientId: 'client_x' }, resumeToken: 'x', resumed: false };
    return resumed(told(), 2, other).server('notice', notice('c'));
  });
  finds('one that nobody asked for', /^a session was resumed that nobody/, () => {
    const payload = objectAt(sampleFrame('server.session.welcome'), 'payload');
    return new Talk().server('session.welcome', { payload: { ...payload, resumed: true } });
  });
  finds('another one', /^another session was resumed/, () => resumed(told(), 2, { resumeToken: 'x' }));
  finds('one that has ended', /^a session was resumed that had ended/, () =>
    resumed(told().close('server', 1011), 2),
  );
  finds('a count that the client cannot have', /cannot have 9 messages/, () => resumed(told(), 9));
  finds('a gap', /^notice: message 2 of the session was another/, () =>
    resumed(told(), 1).server('notice', notice('b')),
  );
  finds('a repetition', /^notice: message 3 of the session was another/, () =>
    resumed(told(), 2).server('notice', notice('a')),
  );
  finds('a fresh start with the id of before', /^a fresh start with the clientId/, () =>
    resumed(told(), 2, { resumed: false, resumeToken: 'x' }),
  );
});
