import { describe, expect, test } from 'vitest';
import { Ledger } from './ledger.ts';

/** Two rooms of two, in which both send. */
function ledgerOfFour() {
  const ledger = new Ledger(2, 2, 2);
  const take = (receiver: number, text: string) => {
    const bytes = Buffer.from(`before ${text} after`);
    return ledger.take(receiver, bytes, 7, 7 + Buffer.byteLength(text));
  };
  return { ledger, take };
}

describe('Ledger', () => {
  test('counts what each receiver gets, wherever the mark is', () => {
    const { ledger, take } = ledgerOfFour();
    const [first, second] = [ledger.mark(0, 1), ledger.mark(0, 1)];
    for (const receiver of [0, 1]) {
      expect(take(receiver, `{"text":"${first}…"}`)).toBe(true);
      expect(take(receiver, `["a longer envelope","${second}"]`)).toBe(true);
    }
    expect(ledger.delivered).toBe(4);
  });

  test('keeps senders and rooms apart', () => {
    const { ledger, take } = ledgerOfFour();
    for (const [room, sender] of [
      [0, 0],
      [0, 1],
      [1, 0],
    ] as const)
      take(room * 2, ledger.mark(room, sender));
    expect(ledger.delivered).toBe(3);
  });

  test('refuses what comes twice', () => {
    const { ledger, take } = ledgerOfFour();
    const mark = ledger.mark(0, 0);
    take(1, mark);
    expect(() => take(1, mark)).toThrow('message 0 of sender 0 came twice');
  });

  test('refuses what comes after one that is missing', () => {
    const { ledger, take } = ledgerOfFour();
    const [, second] = [ledger.mark(1, 1), ledger.mark(1, 1)];
    expect(() => take(3, second)).toThrow('message 0 of sender 1 was lost or overtaken');
    expect(ledger.delivered).toBe(0);
  });

  test('says what carries no mark, even where an older read has left one behind', () => {
    const { ledger, take } = ledgerOfFour();
    expect(take(0, '{"type":"presence.joined"}')).toBe(false);
    const bytes = Buffer.from(`short${ledger.mark(0, 0)}`);
    expect(ledger.take(0, bytes, 0, 5)).toBe(false);
    expect(ledger.take(0, bytes, 0, bytes.length - 1)).toBe(false);
    expect(ledger.delivered).toBe(0);
  });

  test('times a part of the deliveries', () => {
    const { ledger, take } = ledgerOfFour();
    for (let index = 0; index < 130; index++) take(0, ledger.mark(0, 0));
    expect(ledger.latencies).toHaveLength(10);
    for (const ms of ledger.latencies) expect(ms).toBeGreaterThanOrEqual(0);
    expect(Math.max(...ledger.latencies)).toBeLessThan(1_000);
  });
});
