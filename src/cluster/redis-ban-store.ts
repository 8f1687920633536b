import { type Ban, type BanStore, longestBan } from '../rooms/ban-store.ts';
import type { Place } from '../rooms/connection.ts';
import { type Redis, script } from './redis.ts';
import { readsTime, timeArgument } from './redis-time.ts';

/** How many bans one step of the list reads, so that no step keeps Redis from its other work. */
const listedAtOnce = 1_000;
/** Bans that have ended, and that each new one drops from the index: it is emptied faster than it is filled. */
const sweptPerAdd = 100;

/** Keeps a key as long as the longest of its bans lasts. */
const keepsKeys = `${readsTime}
local function keep(key, endsAt)
  local ttl = math.max(1, math.ceil(endsAt - now))
  if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, ttl) end
end
`;

/** KEYS: the index by end, the index by id. ARGV: the time, the end, the id, the ban. */
const enlist = script(`${keepsKeys}
for _, ended in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ${sweptPerAdd})) do
  redis.call('ZREM', KEYS[1], ended)
  redis.call('HDEL', KEYS[2], ended)
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
keep(KEYS[1], tonumber(ARGV[2]))
keep(KEYS[2], tonumber(ARGV[2]))
`);

/** KEYS: the bans of a user in a room. ARGV: the time, the end, the ban. */
const enforce = script(`${keepsKeys}
for _, ban in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  if tonumber(ban:match('^%d+')) <= now then redis.call('LREM', KEYS[1], 0, ban) end
end
redis.call('RPUSH', KEYS[1], ARGV[3])
keep(KEYS[1], tonumber(ARGV[2]))
`);

/** KEYS: the bans of a user in a room. ARGV: the time. */
const ofUser = script(`${readsTime}
return { now, redis.call('LRANGE', KEYS[1], 0, -1) }
`);

/** KEYS: the index by end, the index by id. ARGV: the time, the id. Says whether it was in force. */
const strike = script(`${readsTime}
local endsAt = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[2]) or 0)
redis.call('ZREM', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[2], ARGV[2])
return endsAt > now and 1 or 0
`);

/** KEYS: the index by id. ARGV: the time, where to go on. */
const listSome = script(`${readsTime}
local step = redis.call('HSCAN', KEYS[1], ARGV[2], 'COUNT', ${listedAtOnce})
return { now, step[1], step[2] }
`);

/**
 * Who is kept out, on all nodes.
 *
 * What keeps a user out lies with its room: a short list for each user and room, which is all that a newcomer is
 * checked against. What lists and lifts bans is an index of all of them, in a slot of its own, so that no script can
 * change both. Therefore the index comes first and goes last: what is in force is in the index, and what is in the
 * index may, after a failure, be in force or not; lifting it clears both. Every key expires with the last of its bans.
 *
 * Round trips: 1 for `find`, 2 for `add`, 3 for `lift`, 1 for each thousand bans of `list`.
 */
export class RedisBanStore implements BanStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #testClock: (() => number) | undefined;
  readonly #byEnd: string;
  readonly #byId: string;

  /**
   * @param prefix what all keys begin with; no braces, which say what lies in one slot
   * @param testClock in the place of Redis' own; only for tests, since keys still expire by that of Redis
   */
  constructor(redis: Redis, prefix: string, testClock?: () => number) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#testClock = testClock;
    // No room has such an id.
    this.#byEnd = `${prefix}{.bans}:end`;
    this.#byId = `${prefix}{.bans}:id`;
  }

  async add(ban: Ban): Promise<void> {
    const [time, text] = [timeArgument(this.#testClock), format(ban)];
    await this.#redis.run(enlist, [this.#byEnd, this.#byId], [time, ban.until, ban.banId, text]);
    await this.#redis.run(enforce, [this.#keyOf(ban)], [time, ban.until, text]);
  }

  async lift(banId: string): Promise<boolean> {
    const text = await this.#redis.command('HGET', this.#byId, banId);
    if (typeof text !== 'string') return false;
    await this.#redis.command('LREM', this.#keyOf(parse(text)), 0, text);
    const keys = [this.#byEnd, this.#byId];
    return (await this.#redis.run(strike, keys, [timeArgument(this.#testClock), banId])) === 1;
  }

  async find(userId: string, { roomId, channel }: Place): Promise<Ban | undefined> {
    const keys = [this.#keyOf({ roomId, userId })];
    const found = await this.#redis.run(ofUser, keys, [timeArgument(this.#testClock)]);
    const [now, texts] = found as [number, string[]];
    const bans = texts.map(parse).filter(({ until }) => until > now);
    return longestBan(bans, channel);
  }

  async list(): Promise<Ban[]> {
    // A step may repeat what another one had.
    const bans = new Map<string, Ban>();
    let cursor = '0';
    do {
      const step = await this.#redis.run(listSome, [this.#byId], [timeArgument(this.#testClock), cursor]);
      const [now, next, entries] = step as [number, string, string[]];
      for (const text of entries.filter((_, position) => position % 2 === 1)) {
        const ban = parse(text);
        if (ban.until > now) bans.set(ban.banId, ban);
      }
      cursor = next;
    } while (cursor !== '0');
    return [...bans.values()].sort((one, other) => (one.banId < other.banId ? -1 : 1));
  }

  #keyOf({ roomId, userId }: Pick<Ban, 'roomId' | 'userId'>): string {
    return `${this.#prefix}{${roomId}}:bans:${userId}`;
  }
}

/** As Redis holds it: when it ends, for scripts, and then the ban as JSON, which leaves out what is undefined. */
function format(ban: Ban): string {
  return `${ban.until} ${JSON.stringify(ban)}`;
}

function parse(text: string): Ban {
  return { channel: undefined, reason: undefined, ...JSON.parse(text.slice(text.indexOf(' '))) };
}
