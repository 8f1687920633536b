import { frameLimits } from '../../generated/messages.ts';
import { fenced, refusesAfter } from './fence.ts';
import { script } from './redis.ts';
import { readsTime } from './redis-time.ts';

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

/** What a script answers that has made the change; without one it says nothing of it. */
export const made = 1;

/**
 * What changes something, and says so in the same step. ARGV: the end of the lease, and what is published: command,
 * channel (empty: nothing is), text.
 */
const tells = `${keepsBounds}${refusesAfter(4)}
local function tell()
  if ARGV[6] ~= '' then redis.call(ARGV[5], ARGV[6], ARGV[7]) end
  return ${made}
end
`;

/**
 * ARGV: the member, the id, the entry, how long the room may be silent, and the ids under which the message may be there
 * already: then nothing is made, and its entry returned. Keys expire after twice that time, so that not each message has
 * to say so.
 */
export const appendScript = script(`${tells}
for i = 12, #ARGV do
  local known = redis.call('HGET', entries, ARGV[i])
  if known then return known end
end
redis.call('ZADD', index, 0, ARGV[8])
redis.call('HSET', entries, ARGV[9], ARGV[10])
trim()
local silentMs = tonumber(ARGV[11])
if redis.call('PTTL', index) < silentMs then
  redis.call('PEXPIRE', index, 2 * silentMs)
  redis.call('PEXPIRE', entries, 2 * silentMs)
end
return tell()
`);

/** ARGV: the id, the user. Returns the member and the entry. */
export const getScript = script(String.raw`${keepsBounds}
trim()
local entry = redis.call('HGET', entries, ARGV[4])
if not entry then return false end
local member = redis.call('ZRANGEBYLEX', index, '[' .. ARGV[4] .. '\n', '(' .. ARGV[4] .. '\n:')[1]
return member and mayRead(member, ARGV[5]) and { member, entry }
`);

/** ARGV: the id, the entry. */
export const replaceScript = script(`${tells}
trim()
if redis.call('HEXISTS', entries, ARGV[8]) == 0 then return false end
redis.call('HSET', entries, ARGV[8], ARGV[9])
return tell()
`);

/** ARGV: the id. */
export const removeScript = script(String.raw`${tells}
trim()
if redis.call('HDEL', entries, ARGV[8]) == 0 then return false end
redis.call('ZREMRANGEBYLEX', index, '[' .. ARGV[8] .. '\n', '(' .. ARGV[8] .. '\n:')
return tell()
`);

/** KEYS: all of a room, or of one channel of it. ARGV: the end of the lease. */
export const clearScript = script(`${fenced}
redis.call('UNLINK', unpack(KEYS))
`);

/** ARGV: the user, the direction, where to begin and to end, how many. Returns one more than the page, if there is. */
export const pageScript = script(String.raw`${keepsBounds}
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
