import { script } from './redis.ts';
import { readsTime } from './redis-time.ts';

/**
 * The rule of `src/limits/policy.ts` once more, where it is atomic for all nodes. What a script does is said there;
 * the one table of cases that both pass keeps them the same.
 *
 * A key holds one string: level, end of the last block, and log, in MessagePack. Scripts that decide nothing new write
 * nothing. Times are whole milliseconds, by the clock of Redis unless a test hands in another.
 */
const state = `${readsTime}
local windowMs, maxMs = tonumber(ARGV[2]), tonumber(ARGV[3])

local level, blockedUntil, log = 0, 0, {}
local stored = redis.call('GET', KEYS[1])
if stored then level, blockedUntil, log = unpack(cmsgpack.unpack(stored)) end

local atMs = math.max(now, log[#log] or 0)

local function stillCounts(itsLevel, itsEnd)
  return math.max(0, itsLevel - math.floor(math.max(0, atMs - itsEnd) / maxMs))
end

local function remember()
  local lapsesAt = math.max((log[#log] or 0) + windowMs, blockedUntil + level * maxMs)
  redis.call('SET', KEYS[1], cmsgpack.pack({level, blockedUntil, log}), 'PXAT', lapsesAt)
end

local function refusal(started)
  return {0, blockedUntil - now, level, blockedUntil, started}
end
`;

/** What `take` and `blocked` answer: allowed with what remains and the wait for more, or refused; nothing: no block. */
export type Reply =
  | readonly [allowed: 1, remaining: number, resetMs: number]
  | readonly [allowed: 0, retryAfterMs: number, level: number, blockedUntil: number, started: 0 | 1];

/** Arguments: now, window, longest block, shortest block, limit. */
export const takeScript = script(`${state}
local minMs, limit = tonumber(ARGV[4]), tonumber(ARGV[5])
if atMs < blockedUntil then return refusal(0) end

local counted = {}
for _, acceptedMs in ipairs(log) do
  if acceptedMs + windowMs > atMs then table.insert(counted, acceptedMs) end
end
if #counted >= limit then
  level = stillCounts(level, blockedUntil) + 1
  blockedUntil = atMs + math.min(maxMs, minMs * 2 ^ (level - 1))
  log = {}
  remember()
  return refusal(1)
end

table.insert(counted, atMs)
log = counted
remember()
return {1, limit - #log, log[1] + windowMs - now}
`);

/** Arguments: now, window, longest block. */
export const blockedScript = script(`${state}
if now < blockedUntil then return refusal(0) end
return false
`);

/** Arguments: now, window, longest block, level, end of the block to take over. */
export const blockScript = script(`${state}
local itsLevel, itsEnd = tonumber(ARGV[4]), tonumber(ARGV[5])
local latestEnd = math.max(blockedUntil, itsEnd)
if atMs < latestEnd then
  local highest = math.max(stillCounts(level, blockedUntil), stillCounts(itsLevel, itsEnd))
  if latestEnd == blockedUntil and highest == level then return end
  level, blockedUntil, log = highest, latestEnd, {}
else
  if itsEnd + itsLevel * maxMs <= blockedUntil + level * maxMs then return end
  level, blockedUntil = itsLevel, itsEnd
end
remember()
`);

/** Writes, so that a Redis that is full or a replica fails it, and tells the time. Argument: now. */
export const readyScript = script(`${readsTime}
redis.call('SET', KEYS[1], '', 'PX', 1)
return now
`);
