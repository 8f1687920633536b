import fc from 'fast-check';
import { expect, test } from 'vitest';
import { messageIn, open, seal } from '../../src/cluster/envelope.ts';
import type { NodeMessage } from '../../src/rooms/broker.ts';

const clientId = fc.stringMatching(/^client_[a-z0-9]{8}_[a-f0-9]{32}$/);
const frame = fc.record({ text: fc.json(), volatile: fc.boolean() }, { noNullPrototype: true });
const announce = fc.record(
  {
    kind: fc.constant('announce' as const),
    frame,
    from: clientId,
    except: clientId,
    only: fc.array(clientId),
    alsoWaiting: fc.constant(true),
    echo: fc.uuid(),
  },
  { requiredKeys: ['kind', 'frame'], noNullPrototype: true },
);
const direct = fc.record(
  { kind: fc.constant('direct' as const), to: clientId, frame, from: clientId },
  { requiredKeys: ['kind', 'to', 'frame'], noNullPrototype: true },
);
const banned = fc.record(
  {
    kind: fc.constant('banned' as const),
    userId: fc.string(),
    until: fc.nat(),
    reason: fc.string(),
    by: fc.constantFrom('admin' as const, 'host' as const),
  },
  { requiredKeys: ['kind', 'userId', 'until', 'by'], noNullPrototype: true },
);

const vacate = fc.record({ kind: fc.constant('vacate' as const), clientId }, { noNullPrototype: true });

test('every message comes out as it went in', () => {
  fc.assert(
    fc.property(fc.oneof(announce, direct, banned, vacate), (message: NodeMessage) => {
      const envelope = open(seal('node0001', message));
      expect(envelope).toMatchObject({ version: '2', origin: 'node0001', kind: message.kind });
      expect(messageIn(envelope)).toStrictEqual(message);
    }),
  );
});

test('a frame travels as it is, behind one short line', () => {
  const text = JSON.stringify({ type: 'signal.offer', payload: { sdp: 'v=0\r\n"quoted"\\\n'.repeat(300) } });
  const sealed = seal('node0001', { kind: 'direct', to: 'client_1', frame: { text, volatile: false } });
  expect(sealed).toBe(`2 node0001 direct - client_1 -\n${text}`);
});

test('an event of a script is its words and its body', () => {
  expect(open('2 node0001 event a1b2 17 5\n{"a":\n1}')).toStrictEqual({
    version: '2',
    origin: 'node0001',
    kind: 'event',
    words: ['a1b2', '17', '5'],
    body: '{"a":\n1}',
  });
});

test('what is no envelope is of no version', () => {
  for (const text of ['', 'x', '1 node announce']) expect(open(text).version).toBe('');
});
