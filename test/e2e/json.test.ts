import request from 'supertest';
import { beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { join, type TestSocket, valueAt } from '../support/socket.ts';

let server: TestServer;
let room = 0;
beforeAll(async () => {
  server = await startServer();
});

async function two(): Promise<{ attacker: TestSocket; witness: TestSocket }> {
  room += 1;
  const witness = await join(server, `/ws/zoom/json-${room}`, server.token({ sub: 'witness' }));
  const attacker = await join(server, `/ws/zoom/json-${room}`, server.token({ sub: 'attacker' }));
  await witness.socket.next('presence.joined');
  return { attacker: attacker.socket, witness: witness.socket };
}

/** Sends a text, and gives what came back; whatever it was, the witness has heard nothing of it. */
async function refusal(text: string) {
  const { attacker, witness } = await two();
  attacker.send(text);
  const answer = await attacker.next();
  expect(answer.type).toBe('error');
  expect((await attacker.ask('signal.data', { topic: 'marker', data: {} })).type).toBe('ack');
  expect((await witness.next()).payload.topic).toBe('marker');
  expect(Object.prototype).not.toHaveProperty('polluted');
  return answer;
}

const data = (json: string, id = ''): string =>
  `{"type":"signal.data",${id}"payload":{"topic":"t","data":${json}}}`;
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const object = (keys: number): string =>
  JSON.stringify(Object.fromEntries(Array.from({ length: keys }, (_, n) => [`k${n}`, n])));

describe('what is no message:', () => {
  test.each([
    ['nothing', ''],
    ['words', 'hello'],
    ['JSON cut short', '{"type":"session.ping","payload":{"t":1}'],
    ['two in one', '{"type":"session.ping","payload":{"t":1}}{}'],
    ['comments', '{/**/"type":"session.ping","payload":{"t":1}}'],
    ['a comma too many', '{"type":"session.ping","payload":{"t":1},}'],
    ['other quotes', "{'type':'session.ping','payload':{'t':1}}"],
    ['NaN', data('NaN')],
    ['a byte order mark', `\ufeff${data('1')}`],
    ['null', 'null'],
    ['a number', '1'],
    ['a string', '"session.ping"'],
    ['a list', `[${data('1')}]`],
    ['an empty object', '{}'],
    ['no payload', '{"type":"session.leave"}'],
  ])('%s: invalid_message, of the whole', async (_name, text) => {
    const { payload, replyTo } = await refusal(text);
    expect(payload).toMatchObject({ code: 'invalid_message', retryable: false, errors: [{ pointer: '' }] });
    expect(replyTo).toBeUndefined();
  });
});

describe('unknown_type:', () => {
  test.each([
    ...['constructor', '__proto__', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', ''],
    ...['session.welcome', 'ack', 'notice', 'Signal.Data', 'signal.data ', 'signal', 'signal.data\0'],
  ])('%j', async (type) => {
    const { payload, replyTo } = await refusal(
      JSON.stringify({ type, id: 'x1', payload: { topic: 't', data: 1 } }),
    );
    expect(payload).toMatchObject({ code: 'unknown_type', retryable: false, errors: [{ pointer: '/type' }] });
    expect(replyTo).toBe('x1');
  });
});

describe('the pointer says where:', () => {
  const offer = (payload: object, more: object = {}) =>
    JSON.stringify({ type: 'signal.offer', ...more, payload });
  const surrogate = String.raw`"\ud800"`;
  test.each([
    ['a type that is no string', '{"type":1,"payload":{}}', '/type'],
    ['a sender', offer({ to: 'x', sdp: 'v=0' }, { from: 'client_1' }), '/from'],
    ['a time', offer({ to: 'x', sdp: 'v=0' }, { ts: 1 }), '/ts'],
    ['a sender in the payload', offer({ to: 'x', sdp: 'v=0', from: 'client_1' }), '/payload/from'],
    ['a name with odd letters', offer({ to: 'x', sdp: 'v=0', 'a/b~c': 1 }), '/payload/a~1b~0c'],
    ['what is missing', offer({ to: 'x' }), '/payload'],
    ['the wrong kind', offer({ to: 'x', sdp: 1 }), '/payload/sdp'],
    ['a peer that cannot be', offer({ to: '../x', sdp: 'v=0' }), '/payload/to'],
    ['no payload', '{"type":"session.leave","payload":null}', '/payload'],
    ['a list for a payload', '{"type":"session.leave","payload":[]}', '/payload'],
    [
      'inside a list',
      '{"type":"signal.candidate","payload":{"to":"x","candidates":[{"candidate":""},{"candidate":"","x":1}]}}',
      '/payload/candidates/1/x',
    ],
    ['an id that is none', offer({ to: 'x', sdp: 'v=0' }, { id: 'a b' }), '/id'],
    ['an id that is too long', offer({ to: 'x', sdp: 'v=0' }, { id: 'x'.repeat(65) }), '/id'],
    ['a number that has no end', '{"type":"session.ping","payload":{"t":1e999}}', '/payload/t'],
    ['__proto__', '{"__proto__":{"polluted":1},"type":"session.ping","payload":{"t":1}}', '/__proto__'],
    [
      '__proto__ in the payload',
      '{"type":"session.ping","payload":{"t":1,"__proto__":{}}}',
      '/payload/__proto__',
    ],
    ['__proto__ deep down', data('[0,{"a":{"__proto__":{"polluted":1}}}]'), '/payload/data/1/a/__proto__'],
    ['__proto__ spelt oddly', data(String.raw`{"\u005f_proto__":{"polluted":1}}`), '/payload/data/__proto__'],
    ['constructor', '{"constructor":{},"type":"session.ping","payload":{"t":1}}', '/constructor'],
    [
      'constructor deep down',
      data('{"constructor":{"prototype":{"polluted":1}}}'),
      '/payload/data/constructor',
    ],
    [
      'constructor in metadata',
      '{"type":"presence.update","payload":{"metadata":{"constructor":1}}}',
      '/payload/metadata/constructor',
    ],
    ['type twice', `${data('1').slice(0, -1)},"type":"session.leave"}`, '/type'],
    ['payload twice', '{"type":"session.ping","payload":{"t":1},"payload":{"t":1}}', '/payload'],
    ['a name twice, spelt in two ways', data(String.raw`{"ab":1,"\u0061b":2}`), '/payload/data/ab'],
    ['a name twice, deep down', data('[[{"x":[{"a":1,"a":1}]}]]'), '/payload/data/0/0/x/0/a'],
    ['a lone surrogate', data(`{"x":[1,${surrogate}]}`), '/payload/data/x/1'],
    ['surrogates the wrong way round', data(String.raw`"\udc00\ud800"`), '/payload/data'],
    ['a lone surrogate in a name', data(`{${surrogate}:1}`), '/payload/data/\ufffd'],
    ['17 deep', data(nested(15)), `/payload/data${'/0'.repeat(14)}`],
    ['32,000 deep', data(nested(32_000)), `/payload/data${'/0'.repeat(14)}`],
    ['257 names', data(object(253)), '/payload/data/k252'],
  ])('%s', async (_name, text, pointer) => {
    const { payload } = await refusal(text);
    expect(payload).toMatchObject({ code: 'invalid_message', retryable: false, errors: [{ pointer }] });
  });
});

test.each([
  ['16 deep', nested(14)],
  ['256 names', object(252)],
  ['a name in two objects', '[{"a":1},{"a":2},{"b":{"a":3}}]'],
  ['names of other prototypes', '{"prototype":1,"toString":2,"hasOwnProperty":3}'],
  ['a pair of surrogates', String.raw`"\ud83d\ude00"`],
  ['controls and quotes', String.raw`"\u0000\"\\\u2028"`],
])('relayed as it is: %s', async (_name, json) => {
  const { attacker, witness } = await two();
  attacker.send(data(json));
  expect((await witness.next('signal.data')).payload.data).toEqual(JSON.parse(json));
});

test('an id is kept wherever it can be read, also of a frame that is refused', async () => {
  const { attacker } = await two();
  attacker.send(data('{"__proto__":1}', '"id":"x7",'));
  expect((await attacker.next('error')).replyTo).toBe('x7');
  attacker.send('{"type":"session.ping","id":"x8","payload":{"t":1}}'); // a ping takes no id
  expect(await attacker.next('error')).toMatchObject({
    replyTo: 'x8',
    payload: { errors: [{ pointer: '/id' }] },
  });
  attacker.send('{"id":{"toString":"x9"},"type":"session.leave","payload":{}}');
  expect((await attacker.next('error')).replyTo).toBeUndefined();
});

test('signaling is not for the chat channel, application data is', async () => {
  const { socket, clientId } = await join(server, '/ws/chat/json', server.token());
  for (const type of ['signal.offer', 'signal.answer', 'signal.candidate', 'signal.hangup']) {
    const what = type === 'signal.candidate' ? { candidates: [{ candidate: '' }] } : { sdp: 'v=0' };
    const payload = { to: clientId, ...(type === 'signal.hangup' ? {} : what) };
    expect((await socket.ask(type, payload)).payload).toMatchObject({
      code: 'not_allowed',
      retryable: false,
    });
  }
  expect((await socket.ask('signal.data', { topic: 't', data: null })).type).toBe('ack');
});

test('a peer of another room, of another channel, of nowhere and oneself get one answer', async () => {
  const { attacker, witness } = await two();
  const elsewhere = await join(server, '/ws/zoom/elsewhere', server.token());
  const chat = await join(server, `/ws/chat/json-${room}`, server.token());
  const self = String(valueAt(attacker.frames[0]?.payload, 'self', 'clientId'));
  for (const to of [elsewhere.clientId, chat.clientId, 'client_nobody', self, '__proto__', 'constructor']) {
    const { payload } = await attacker.ask('signal.offer', { to, sdp: 'v=0' });
    expect(payload).toEqual({
      code: 'peer_not_found',
      message: `No peer here has the id ${to}.`,
      retryable: false,
    });
  }
  for (const { frames } of [witness, elsewhere.socket, chat.socket]) {
    expect(frames.map(({ type }) => type)).not.toContain('signal.offer');
  }
});

describe('20 bad messages in a minute:', () => {
  test('the 20th closes with 4506, and the room hears of it', async () => {
    const { attacker, witness } = await two();
    for (let n = 0; n < 25; n += 1) attacker.send('{}');
    expect(await attacker.closed).toEqual({ code: 4506, reason: 'too_many_invalid_messages' });
    expect(attacker.frames.filter(({ type }) => type === 'error')).toHaveLength(20);
    expect((await witness.next('presence.left')).payload.departures).toMatchObject([{ reason: 'closed' }]);
  });

  test('good ones in between do not help, refused ones that are well-formed do not count', async () => {
    const { attacker } = await two();
    for (let n = 0; n < 19; n += 1) {
      attacker.send('{}');
      await attacker.ask('presence.list');
      await attacker.ask('signal.hangup', { to: 'nobody' });
    }
    attacker.send('{"type":"constructor","payload":{}}');
    expect((await attacker.closed).code).toBe(4506);
  });

  test('19 in each minute are suffered', async () => {
    let clock = Date.now();
    const env = { HEARTBEAT_TIMEOUT_MS: '2000000000' };
    const patient = await startServer(env, { now: () => clock });
    const { socket } = await join(patient, '/ws/chat/patience', patient.token());
    for (const wait of [60_000, 60_000, 59_999]) {
      for (let n = 0; n < 19; n += 1) socket.send('{}');
      await socket.ask('presence.list');
      clock += wait;
    }
    socket.send('{}');
    expect((await socket.closed).code).toBe(4506);
  });
});

test('the process has come through all of this', async () => {
  expect((await request(server.url).get('/healthz')).body).toEqual({ status: 'ok' });
});
