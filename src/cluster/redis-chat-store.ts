import {
  type Channel,
  type ChatEntry,
  type ChatPage,
  channels,
  frameLimits,
} from '../../generated/messages.ts';
import type { NodeMessage } from '../rooms/broker.ts';
import {
  type ChatStore,
  cutPage,
  type HistoryBounds,
  type PageRequest,
  type StoredMessage,
} from '../rooms/chat-store.ts';
import type { Place } from '../rooms/connection.ts';
import { refusesAfter } from './fence.ts';
import type { Lease } from './lease.ts';
import { type Redis, script } from './redis.ts';
import type { RedisBroker } from './redis-broker.ts';
import { readsTime, timeArgument } from './redis-time.ts';

/** Messages looked at in one step, where some of them may be hidden from the reader. */
const lookedAtOnce = 64;

/**
 * What every script begins with. KEYS: who may see what, and what was said. ARGV: the time, and the two bounds.
 *
 * The first is a sorted set, all of one score and therefore in the order of the ids. Its members are an id, the time
 * and, of a private message, the readers: `id\nsentAt\t"one"\t"another"\t`. JSON writes no control character as it
 * is, so that no name reads like the end of one and the beginning of another.
 */
const keepsBounds = String.raw`${readsTime}
local index, entries = KEYS[1], KEYS[2]
local maxMessages, oldest = tonumber(ARGV[2]), now - tonumber(ARGV[3])

local function trim()
  local surplus = redis.call('ZCARD', index) - maxMessages
  while true do
    local first = redis.call('ZRANGE', index, 0, 0)[1]
    if not first then return end
    local id, sentAt = first:match('^(.-)\n(%d+)')
    if surplus <= 0 and tonumber(sentAt) > oldest then return end
    redis.call('ZREM', index, first)
    redis.call('HDEL', entries, id)
    surplus = surplus - 1
  end
end

local function mayRead(member, user)
  return not member:find('\t', 1, true) or member:find('\t' .. user .. '\t', 1, true)
end
`;

/**
 * ARGV: the end of the lease, the member, the id, the entry, how long the room may be silent, and what is published: command, channel (empty:
 * nothing is), text. Keys expire after twice that, so that not each message has to say so.
 */
const append = script(`${keepsBounds}${refusesAfter(4)}
redis.call('ZADD', index, 0, ARGV[5])
redis.call('HSET', entries, ARGV[6], ARGV[7])
trim()
local silentMs = tonumber(ARGV[8])
if redis.call('PTTL', index) < silentMs then
  redis.call('PEXPIRE', index, 2 * silentMs)
  redis.call('PEXPIRE', entries, 2 * silentMs)
end
if ARGV[10] ~= '' then redis.call(ARGV[9], ARGV[10], ARGV[11]) end
`);

/** ARGV: the id, the user. Returns the member and the entry. */
const get = script(String.raw`${keepsBounds}
trim()
local entry = redis.call('HGET', entries, ARGV[4])
if not entry then return false end
local member = redis.call('ZRANGEBYLEX', index, '[' .. ARGV[4] .. '\n', '(' .. ARGV[4] .. '\n:')[1]
return member and mayRead(member, ARGV[5]) and { member, entry }
`);

/** ARGV: the end of the lease, the id, the entry. */
const replace = script(`${keepsBounds}${refusesAfter(4)}
trim()
if redis.call('HEXISTS', entries, ARGV[5]) == 0 then return 0 end
redis.call('HSET', entries, ARGV[5], ARGV[6])
return 1
`);

/** ARGV: the end of the lease, the id. */
const remove = script(String.raw`${keepsBounds}${refusesAfter(4)}
trim()
if redis.call('HDEL', entries, ARGV[5]) == 0 then return 0 end
return redis.call('ZREMRANGEBYLEX', index, '[' .. ARGV[5] .. '\n', '(' .. ARGV[5] .. '\n:')
`);

/** ARGV: the user, the direction, where to begin and to end, how many. Returns one more than the page, if there is. */
const page = script(String.raw`${keepsBounds}
trim()
local user, command, from, to, limit = ARGV[4], ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
local found, bytes = {}, 0
while true do
  local members = redis.call(command, index, from, to, 'LIMIT', 0, ${lookedAtOnce})
  for _, member in ipairs(members) do
    local entry = mayRead(member, user) and redis.call('HGET', entries, member:sub(1, member:find('\n', 1, true) - 1))
    if entry then
      found[#found + 1] = entry
      bytes = bytes + #entry
      if #found > limit or (#found > 1 and bytes > ${frameLimits.maxPageBytes}) then return found end
    end
  end
  if #members < ${lookedAtOnce} then return found end
  from = '(' .. members[#members]
end
`);

/**
 * What was said in each channel of each room, on all nodes.
 *
 * Of a channel, a sorted set says what there is and who may see it, and a hash holds the entries: so what a page must
 * look through is short, and of the entries it touches only those that it shows. Everything of one room lies in one
 * slot, and expires together when nothing was said for as long as messages are kept.
 *
 * Every call is one round trip. A page costs Redis what it shows, and a look at each message in between that is hidden
 * from its reader: at most as many as are kept of a channel.
 */
export class RedisChatStore implements ChatStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #broker: Pick<RedisBroker, 'publishing'>;
  readonly #lease: Pick<Lease, 'until'>;
  readonly #bounds: HistoryBounds;
  readonly #testClock: (() => number) | undefined;

  /**
   * @param prefix what all keys begin with; no braces, which say what lies in one slot
   * @param testClock in the place of Redis' own; only for tests, since keys still expire by that of Redis
   */
  constructor(
    redis: Redis,
    prefix: string,
    broker: Pick<RedisBroker, 'publishing'>,
    lease: Pick<Lease, 'until'>,
    bounds: HistoryBounds,
    testClock?: () => number,
  ) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#broker = broker;
    this.#lease = lease;
    this.#bounds = bounds;
    this.#testClock = testClock;
  }

  async append(place: Place, { entry, readers, sentAt }: StoredMessage, news?: NodeMessage): Promise<void> {
    const { messageId } = entry;
    const names = Array.from(readers ?? [], (userId) => `${JSON.stringify(userId)}\t`);
    const member = `${messageId}\n${sentAt}${readers ? '\t' : ''}${names.join('')}`;
    const silentMs = Math.max(1, this.#bounds.maxAgeMs);
    const published = news === undefined ? ['', '', ''] : this.#broker.publishing(place, news);
    await this.#run(
      append,
      place,
      this.#lease.until,
      member,
      messageId,
      JSON.stringify(entry),
      silentMs,
      ...published,
    );
  }

  async get(place: Place, messageId: string, userId: string): Promise<StoredMessage | undefined> {
    const found = await this.#run(get, place, messageId, JSON.stringify(userId));
    if (found === null) return undefined;
    const [member, entry] = found as [string, string];
    const [head = '', ...names] = member.split('\t');
    const readers =
      names.length > 0 ? new Set(names.slice(0, -1).map((name) => JSON.parse(name))) : undefined;
    return { entry: JSON.parse(entry), readers, sentAt: Number(head.slice(messageId.length)) };
  }

  async replace(place: Place, entry: ChatEntry): Promise<boolean> {
    return (await this.#run(replace, place, this.#lease.until, entry.messageId, JSON.stringify(entry))) === 1;
  }

  async remove(place: Place, messageId: string): Promise<boolean> {
    return (await this.#run(remove, place, this.#lease.until, messageId)) === 1;
  }

  async clear(roomId: string, only?: Channel): Promise<void> {
    const [first = '', ...others] = (only ? [only] : channels).flatMap((channel) =>
      this.#keysOf({ roomId, channel }),
    );
    await this.#redis.command('UNLINK', first, ...others);
  }

  async page(place: Place, userId: string, request: PageRequest): Promise<ChatPage> {
    const { before, after, limit } = request;
    // In bytes, what follows an id is a line feed and a digit: less than a colon.
    const low = after === undefined ? '-' : `(${after}\n:`;
    const high = before === undefined ? '+' : `(${before}\n`;
    const range = after === undefined ? ['ZREVRANGEBYLEX', high, low] : ['ZRANGEBYLEX', low, high];
    const found = await this.#run(page, place, JSON.stringify(userId), ...range, limit);
    const entries: ChatEntry[] = (found as string[]).map((entry) => JSON.parse(entry));
    return cutPage(entries, request);
  }

  #run(which: typeof page, place: Place, ...args: readonly (string | number)[]): Promise<unknown> {
    const { maxMessages, maxAgeMs } = this.#bounds;
    const bounds = [timeArgument(this.#testClock), maxMessages, maxAgeMs];
    return this.#redis.run(which, this.#keysOf(place), [...bounds, ...args]);
  }

  #keysOf({ roomId, channel }: Place): [string, string] {
    const key = `${this.#prefix}{${roomId}}:chat:${channel}`;
    return [`${key}:index`, `${key}:entries`];
  }
}
