import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Frame } from '../../../src/rooms/frame.ts';
import { Replay } from '../../../src/transports/websocket/replay.ts';

type Step =
  | { readonly do: 'add'; readonly bytes: number }
  | { readonly do: 'trim'; readonly share: number }
  | { readonly do: 'leave' | 'return' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('add' as const), bytes: fc.integer({ min: 1, max: 9 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('trim' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'return') }) },
);

test('it gives back all that is missing, or nothing: whatever was sent, and whatever the client has', () => {
  const run = (maxMessages: number, maxBytes: number, steps: readonly Step[]) => {
    const replay = new Replay({ maxMessages, maxBytes });
    /** By their count: every frame that was ever sent. The first is the welcome. */
    const sent: Frame[] = [{ text: 'welcome', volatile: false }];
    let trimmed = 1;
    let handed: number | undefined;
    const lacks = (received: number) => sent.slice(received);
    const isKept = (received: number) => {
      const missed = lacks(received);
      const isWithin =
        missed.length <= maxMessages && missed.reduce((sum, { text }) => sum + text.length, 0) <= maxBytes;
      return isWithin && received >= trimmed && received <= (handed ?? sent.length);
    };
    const check = () => {
      for (let received = 0; received <= sent.length + 2; received += 1) {
        expect(replay.has(received), `with ${received} of ${sent.length}`).toBe(isKept(received));
      }
    };
    for (const one of steps) {
      if (one.do === 'add') {
        const frame = { text: 'x'.repeat(one.bytes), volatile: false };
        sent.push(frame);
        replay.add(frame);
      } else if (one.do === 'trim') {
        const received = Math.round(one.share * (handed ?? sent.length));
        expect(replay.trim(received)).toBe(true);
        trimmed = Math.max(trimmed, received);
      } else if (one.do === 'leave') {
        if (handed === undefined) replay.leave();
        handed ??= sent.length;
      } else if (handed !== undefined) {
        const received = [...sent.keys()].find(isKept);
        if (received === undefined) return check();
        expect(replay.return(received)).toEqual(lacks(received));
        trimmed = Math.max(trimmed, received);
        handed = undefined;
      }
      check();
    }
    expect(replay.trim(sent.length + 1)).toBe(false);
  };
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 0, max: 60 }),
      fc.array(step, { maxLength: 60 }),
      run,
    ),
    { numRuns: 2000 },
  );
});

test('what is sent to many is kept once', () => {
  const frame = { text: 'shared', volatile: false };
  const replays = Array.from({ length: 3 }, () => new Replay({ maxMessages: 4, maxBytes: 100 }));
  for (const replay of replays) replay.add(frame);
  for (const replay of replays) expect(replay.return(1)[0]).toBe(frame);
});
