import { frameLimits } from '../../generated/messages.ts';
import { fenced, refusesAfter } from './fence.ts';
import { script } from './redis.ts';
import { readsTime } from './redis-time.ts';

/** Messages looked at in one step, where some of them may be hidden from the reader. */
const lookedAtOnce = 64;

/**
 * What every script begins with. KEYS: who may see what, what was said, and the newest id that there ever was. ARGV: the
 * time, and the two bounds.
 *
 * The first is a sorted set, all of one score and therefore in the order of the ids. Its members are an id, the time
 * and, of a private message, the readers: `id\nsentAt\t"one"\t"another"\t`. JSON writes no control character as it
 * is, so that no name reads like the end of one and the beginning of another. The second is a hash by the marks of the
 * ids (`rooms/message-id.ts`), where a message is found whose id is not known for sure.
 */
const keepsBounds = String.raw`${readsTime}
local index, entries, newest = KEYS[1], KEYS[2], KEYS[3]
local maxMessages, oldest = tonumber(ARGV[2]), now - tonumber(ARGV[3])

local function markOf(id)
  return id:sub(20)
end

local function trim()
  local surplus = redis.call('ZCARD', index) - maxMessages
  while true do
    local first = redis.call('ZRANGE', index, 0, 0)[1]
    if not first then return end
    local id, sentAt = first:match('^(.-)\n(%d+)')
    if surplus <= 0 and tonumber(sentAt) > oldest then return end
    redis.call('ZREM', index, first)
    redis.call('HDEL', entries, markOf(id))
    surplus = surplus - 1
  end
end

local function mayRead(member, user)
  return not member:find('\t', 1, true) or member:find('\t' .. user .. '\t', 1, true)
end
`;

/**
 * What a script answers that has made the change, but for the one that appends; without a change it says nothing of it.
 */
export const made = 1;

/** As `idAfter` of `rooms/message-id.ts`, in the same step in which the message is kept. All ids are written alike. */
const idAfter = `
local function idAfter(last, proposed)
  if not last or proposed > last then return proposed end
  local count = tonumber(last:sub(16, 18), 16) + 1
  local ms = tonumber(last:sub(1, 8) .. last:sub(10, 13), 16) + math.floor(count / 4096)
  local time = string.format('%08x-%04x', math.floor(ms / 65536), ms % 65536)
  return time .. string.format('-7%03x-', count % 4096) .. markOf(proposed)
end
`;

/**
 * What changes something, and says so in the same step. ARGV: the end of the lease, and what is published: command,
 * channel (empty: nothing is), text.
 */
const tells = `${keepsBounds}${refusesAfter(4)}
local function tell(text)
  if ARGV[6] ~= '' then redis.call(ARGV[5], ARGV[6], text or ARGV[7]) end
  return ${made}
end
`;

/**
 * ARGV: the proposed id, what follows the id in the member, the entry, how long the room may be silent, and the marks under
 * which the message may be there already: then nothing is made, and its entry returned in a list. Else returns the id that
 * it is kept by, which takes the place of the proposed one in the entry and in what is published. Keys expire after twice
 * that time, so that not each message has to say so.
 */
export const appendScript = script(`${tells}${idAfter}
for i = 12, #ARGV do
  local known = redis.call('HGET', entries, ARGV[i])
  if known then return { known } end
end
local proposed, silentMs = ARGV[8], tonumber(ARGV[11])
-- One command, and another one where a clock is late.
local id = idAfter(redis.call('SET', newest, proposed, 'PX', 2 * silentMs, 'GET'), proposed)
if id ~= proposed then redis.call('SET', newest, id, 'PX', 2 * silentMs) end
local function renamed(text)
  local at = id ~= proposed and text:find(proposed, 1, true)
  return at and text:sub(1, at - 1) .. id .. text:sub(at + #proposed) or text
end
redis.call('ZADD', index, 0, id .. ARGV[9])
redis.call('HSET', entries, markOf(id), renamed(ARGV[10]))
trim()
if redis.call('PTTL', index) < silentMs then
  redis.call('PEXPIRE', index, 2 * silentMs)
  redis.call('PEXPIRE', entries, 2 * silentMs)
end
tell(renamed(ARGV[7]))
return id
`);

/** ARGV: the id, the user. Returns the member and the entry. */
export const getScript = script(String.raw`${keepsBounds}
trim()
local entry = redis.call('HGET', entries, markOf(ARGV[4]))
if not entry then return false end
local member = redis.call('ZRANGEBYLEX', index, '[' .. ARGV[4] .. '\n', '(' .. ARGV[4] .. '\n:')[1]
return member and mayRead(member, ARGV[5]) and { member, entry }
`);

/** ARGV: the id, the entry. */
export const replaceScript = script(String.raw`${tells}
trim()
if redis.call('ZLEXCOUNT', index, '[' .. ARGV[8] .. '\n', '(' .. ARGV[8] .. '\n:') == 0 then return false end
redis.call('HSET', entries, markOf(ARGV[8]), ARGV[9])
return tell()
`);

/** ARGV: the id. */
export const removeScript = script(String.raw`${tells}
trim()
if redis.call('ZREMRANGEBYLEX', index, '[' .. ARGV[8] .. '\n', '(' .. ARGV[8] .. '\n:') == 0 then return false end
redis.call('HDEL', entries, markOf(ARGV[8]))
return tell()
`);

/** KEYS: all of a room, or of one channel of it, but the newest ids. ARGV: the end of the lease. */
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
    local id = member:sub(1, member:find('\n', 1, true) - 1)
    local entry = mayRead(member, user) and redis.call('HGET', entries, markOf(id))
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
