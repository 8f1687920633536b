import type { ServerUnderTest } from '../contestant.ts';
import type { Client } from '../load/client.ts';
import { Crowd, refuseError } from '../load/crowd.ts';
import { seatsIn } from './rooms.ts';
import type { Metrics } from './scenario.ts';

const settleMs = 400;
/** The longest page of `presence.list`, and the longest roster of a welcome. */
const pageSize = 200;
const patienceMs = 120_000;
/**
 * How long all storms last, unless the server is slower: who comes is told in batches, one at a time, so that the number
 * of batches is that of a storm's tenths of a second, however many come.
 */
const stormMs = 4_000;
const userId = Buffer.from('"userId":"u');
const userIdDigits = 5;

/**
 * Who knows of whom, by what has come in rosters, pages and news. Found by their user ids, since a parser would be
 * the bottleneck: each of two thousand clients is told of two thousand.
 */
class Acquaintances {
  /** How many clients know everybody. */
  complete = 0;
  readonly #size: number;
  readonly #known: Uint8Array;
  readonly #counts: Uint32Array;

  constructor(size: number) {
    this.#size = size;
    this.#known = new Uint8Array(size * size);
    this.#counts = new Uint32Array(size);
  }

  learn(who: number, bytes: Buffer, start: number, end: number): void {
    for (let at = bytes.indexOf(userId, start); at >= 0 && at < end; at = bytes.indexOf(userId, at)) {
      at += userId.length;
      this.#meet(who, Number(bytes.toString('latin1', at, at + userIdDigits)));
    }
  }

  #meet(who: number, whom: number): void {
    const index = who * this.#size + whom;
    if (this.#known[index] === 1) return;
    this.#known[index] = 1;
    const count = (this.#counts[who] ?? 0) + 1;
    this.#counts[who] = count;
    if (count === this.#size) this.complete += 1;
  }
}

/** All join one room: what that makes for frames, and how long it takes until each knows of all. */
export async function measureStorm(server: ServerUnderTest, joins: number): Promise<Metrics> {
  const acquaintances = new Acquaintances(joins);
  let frames = 0;
  let received = 0;
  const crowd = new Crowd(server.port, server.dialect, (client, bytes, start, end) => {
    frames += 1;
    received += end - start;
    acquaintances.learn(client.seat.index, bytes, start, end);
    if (end - start < 500) refuseError(bytes, start, end);
    askForMore(client, bytes, start, end);
  });
  const seats = await seatsIn(1, joins);
  const before = await server.ask('watch');
  const startedAt = performance.now();
  await crowd.join(seats, stormMs);
  await crowd.until(() => acquaintances.complete === joins, 'the full roster', patienceMs);
  const fullRosterMs = performance.now() - startedAt;
  await crowd.rest(settleMs);
  const after = await server.ask('usage');
  return {
    cpuPerJoin: (after.cpuMicros - before.cpuMicros) / joins,
    frames,
    framesPerJoin: frames / joins,
    mbReceived: received / 1e6,
    fullRosterMs,
    stallMs: after.longestStallMs,
    peakMb: after.peakRssBytes / 1e6,
    waitedPercent: ((after.waitedMs - before.waitedMs) / fullRosterMs) * 100,
  };
}

/** As the contract wants it: what a welcome leaves out comes page by page. The plain server sends all at once. */
function askForMore(client: Client, bytes: Buffer, start: number, end: number): void {
  const type = bytes.toString('latin1', start, Math.min(end, start + 27));
  if (type.startsWith('{"type":"session.welcome","')) {
    const [, total] = /"rosterTotal":(\d+)/.exec(bytes.toString('latin1', start, end)) ?? [];
    if (Number(total ?? 0) > pageSize) ask(client, {});
  } else if (type.startsWith('{"type":"presence.roster","')) {
    const [, cursor] = /"nextCursor":"(\d+)"/.exec(bytes.toString('latin1', end - 60, end)) ?? [];
    if (cursor !== undefined) ask(client, { cursor });
  }
}

function ask(client: Client, page: { readonly cursor?: string }): void {
  const payload = { ...page, limit: pageSize };
  client.send(JSON.stringify({ type: 'presence.list', id: `page-${page.cursor ?? 0}`, payload }));
}
