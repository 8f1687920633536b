import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Flusher, Outbox } from '../../../src/transports/websocket/outbox.ts';
import { ByteFeed } from '../../support/byte-feed.ts';
import { type ObservedFrame, readFrames } from '../../support/websocket-stream.ts';

/** A socket that keeps what it is given; with `stalls` it takes nothing. */
function start(flusher = new Flusher(), stalls = false) {
  const writes: Buffer[] = [];
  const socket = new Duplex({
    read: () => {},
    write: (chunk, _encoding, done) => {
      writes.push(chunk);
      if (!stalls) done();
    },
  });
  const outbox = new Outbox(socket, flusher);
  return { outbox, socket, writes, say: (text: string) => outbox.add({ text, volatile: false }) };
}

/** What a client reads. */
function texts(writes: readonly Buffer[]): string[] {
  const frames: ObservedFrame[] = [];
  const feed = new ByteFeed(readFrames(false, (frame) => frames.push(frame)));
  for (const bytes of writes) feed.push(bytes);
  return frames.map((frame) => (frame.kind === 'message' && !frame.binary ? String(frame.data) : frame.kind));
}

describe('one write a turn', () => {
  test('what is said in one turn is written together, in order', async () => {
    const { say, writes, outbox } = start();
    for (const text of ['a', 'b', 'c']) say(text);
    expect([writes.length, outbox.waiting]).toEqual([0, 9]);
    await nextTurn();
    say('d');
    await nextTurn();
    expect(writes.length).toBe(2);
    expect(texts(writes)).toEqual(['a', 'b', 'c', 'd']);
    expect([outbox.waiting, outbox.taken]).toEqual([0, 12]);
  });

  test('what many are told together is the same bytes', async () => {
    const flusher = new Flusher();
    const members = Array.from({ length: 3 }, () => start(flusher));
    for (const text of ['hello', 'again']) {
      const frame = { text, volatile: false };
      for (const { outbox } of members) outbox.add(frame);
    }
    members[2]?.say('you alone');
    await nextTurn();
    const [first, second, third] = members.map(({ writes }) => writes);
    expect(first?.[0]).toBe(second?.[0]);
    expect(texts(third ?? [])).toEqual(['hello', 'again', 'you alone']);
  });

  test('a flush ahead of its turn leaves nothing for the turn', async () => {
    const { say, writes, outbox } = start();
    say('goodbye');
    outbox.flush();
    await nextTurn();
    expect(texts(writes)).toEqual(['goodbye']);
    expect(writes.length).toBe(1);
  });

  test('after a flush of many, what follows is gathered for a little longer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const flusher = new Flusher();
    const crowd = Array.from({ length: 16 }, () => start(flusher));
    for (const { say } of crowd) say('one');
    await nextTurn();
    const [first] = crowd;
    first?.say('two');
    await nextTurn();
    first?.say('three');
    expect(first?.writes.length).toBe(1);
    vi.advanceTimersByTime(1);
    expect(first?.writes.length).toBe(2);
    expect(texts(first?.writes ?? [])).toEqual(['one', 'two', 'three']);
  });
});

test.each([0, 1, 125, 126, 65_535, 65_536, 100_000])('a text of %s bytes is one frame', async (length) => {
  const { say, writes } = start();
  const text = 'é'.repeat(length / 2) + 'x'.repeat(length % 2);
  say(text);
  await nextTurn();
  expect(texts(writes)).toEqual([text]);
});

test('what a stalled client does not take is counted, and so is what it took', async () => {
  const { say, outbox } = start(new Flusher(), true);
  say('x'.repeat(1000));
  await nextTurn();
  say('y'.repeat(1000));
  expect(outbox.waiting).toBe(2 * 1004);
  await nextTurn();
  expect([outbox.waiting, outbox.taken]).toEqual([2 * 1004, 0]);
});

test('a socket that is gone is left alone', async () => {
  const { say, socket, writes } = start();
  say('late');
  socket.destroy();
  await nextTurn();
  expect(writes).toEqual([]);
});
