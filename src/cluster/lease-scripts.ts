import { script } from './redis.ts';
import { redisTime } from './redis-time.ts';

/** So many beats of a node without an answer: it is not sure what has gone on, and others go on with what it sweeps. */
export const missedBeats = 3;

/** The keys of what the nodes know of each other, in the order in which the scripts take them; all in one slot. */
export function nodeKeys(prefix: string): string[] {
  // No room has such an id.
  return ['leases', 'epoch', 'sweeps', 'listed'].map((name) => `${prefix}{.nodes}:${name}`);
}

/** What a beat is answered; `redisMs` is the time of Redis, `toSweep` all that it is to sweep, new or not. */
export type BeatAnswer =
  | readonly [state: 'lost']
  | readonly [
      state: 'held' | 'emptied',
      redisMs: number,
      epoch: string,
      /** Each that has a lease, and when that ends, by turns. */
      live: readonly string[],
      toSweep: readonly string[],
    ];

/** The arguments of a beat, in order. */
export type Beat = readonly [
  id: string,
  leaseMs: number,
  beatMs: number,
  /** The epoch as this node knows it; empty in its first beat of a life. */
  epoch: string,
  /** What a new epoch would be called. */
  proposed: string,
  /** The time of Redis at the last beat that was answered. */
  lastMs: number,
  frozen: 0 | 1,
  maySweep: 0 | 1,
  /** Who was alive then, as it was answered, and nodes that this one has swept since; words in one line. */
  known: string,
  swept: string,
];

/**
 * KEYS: leases (a sorted set of ids by the end of each lease), the epoch (its id, since when it is, and until when the
 * one before it served), sweeps (by the id of who is swept: by whom, until when), listed (by the id of who has listed all
 * that it holds: in which epoch). ARGV: a {@link Beat}.
 *
 * Whoever is in sweeps is lost, and stays so until it is forgotten: reviving and claiming are one script, so that of a
 * node and its sweeper exactly one wins. Whoever is in no lease was swept, unless Redis was emptied since.
 *
 * After that each node that knew others alive gives them back what was left of their leases when Redis last served it,
 * so that those are swept that do not come back themselves, as if no time had passed while Redis was away. Nobody knows
 * any more who was swept before. A node that was frozen, or whose lease ended while Redis still served others, may have
 * been, and is lost. So is one in no lease that was not served for so long that what others gave it back has ended; what
 * they knew may be a beat old.
 */
export const beatScript = script(`${redisTime}
local leases, epochs, sweeps, listed = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, leaseMs, beatMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local epoch, proposed, lastMs = ARGV[4], ARGV[5], tonumber(ARGV[6])
local frozen, maySweep, known, swept = ARGV[7] == '1', ARGV[8] == '1', ARGV[9], ARGV[10]

local now = timeOfRedis()
local endsAt, graceMs, sureMs = now + leaseMs, math.floor(beatMs / 4), ${missedBeats} * beatMs

local current = redis.call('HGET', epochs, 'id')
if not current then
  current = proposed
  redis.call('HSET', epochs, 'id', current, 'since', now)
end

local state, hasLease = 'held', redis.call('ZSCORE', leases, id)
if redis.call('HEXISTS', sweeps, id) == 1 then
  state = 'lost'
elseif epoch ~= '' and epoch ~= current then
  local servedMs = math.max(lastMs, tonumber(redis.call('HGET', epochs, 'served') or 0))
  redis.call('HSET', epochs, 'served', servedMs)
  local withoutMs = servedMs - lastMs
  local withoutInAllMs = withoutMs + now - tonumber(redis.call('HGET', epochs, 'since'))
  local sweptAfterMs = leaseMs + graceMs
  local isLost = frozen or withoutMs >= sweptAfterMs
  isLost = isLost or (not hasLease and withoutInAllMs >= sweptAfterMs - beatMs)
  state = isLost and 'lost' or 'emptied'
elseif epoch ~= '' and not hasLease then
  state = 'lost'
end
if state == 'lost' then return { state } end

redis.call('ZADD', leases, endsAt, id)
if epoch == '' then redis.call('HSET', listed, id, current) end
if state == 'emptied' then
  for node, ends in known:gmatch('(%S+) (%S+)') do
    redis.call('ZADD', leases, 'NX', now + tonumber(ends) - lastMs, node)
  end
end
-- Where the clock was set back, nobody lives on until it is again as late as it was.
for _, node in ipairs(redis.call('ZRANGEBYSCORE', leases, '(' .. endsAt, '+inf')) do
  redis.call('ZADD', leases, endsAt, node)
end

local function claimOf(node)
  local sweeper, untilMs = (redis.call('HGET', sweeps, node) or ''):match('^(%S+) (%d+)$')
  return sweeper, tonumber(untilMs)
end

for node in swept:gmatch('%S+') do
  if claimOf(node) == id then
    redis.call('ZREM', leases, node)
    redis.call('HDEL', listed, node)
    redis.call('HDEL', sweeps, node)
  end
end

-- Where Redis was away, or its clock was set forward, those who would be dead have had no time to beat. And a node that
-- gets no answer does not keep to itself what it does not hear of.
local sure = state == 'held' and now - lastMs <= sureMs
maySweep = maySweep and sure
if maySweep then
  for _, node in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now - graceMs)) do
    redis.call('HSETNX', sweeps, node, id .. ' 0')
  end
end
local toSweep = {}
for _, node in ipairs(redis.call('HKEYS', sweeps)) do
  local sweeper, untilMs = claimOf(node)
  if (sure and sweeper == id) or (maySweep and untilMs <= now) then
    redis.call('HSET', sweeps, node, id .. ' ' .. now + sureMs)
    toSweep[#toSweep + 1] = node
  end
end

local live = redis.call('ZRANGEBYSCORE', leases, '(' .. now, '+inf', 'WITHSCORES')
return { state, now, current, live, toSweep }
`);

/** KEYS: as above. ARGV: the id. What that node has not finished sweeping is free for others at once. */
export const leaveScript = script(`
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[4], ARGV[1])
local claims = redis.call('HGETALL', KEYS[3])
for i = 1, #claims, 2 do
  if claims[i + 1]:match('^%S+') == ARGV[1] then redis.call('HSET', KEYS[3], claims[i], ARGV[1] .. ' 0') end
end
`);

/**
 * KEYS: as above. Returns the nodes, and those of them that have still to list what they hold: all but those that have
 * done so in this life of Redis, or never will, since they are dead.
 */
export const nodesScript = script(`
local nodes, late = redis.call('ZRANGE', KEYS[1], 0, -1), {}
local epoch = redis.call('HGET', KEYS[2], 'id')
for _, node in ipairs(nodes) do
  local isListed = redis.call('HGET', KEYS[4], node) == epoch
  if not isListed and redis.call('HEXISTS', KEYS[3], node) == 0 then late[#late + 1] = node end
end
return { nodes, late }
`);

/** KEYS: as above. ARGV: the id of a node that has listed all that it holds, and in which life of Redis. */
export const listedScript = script(`redis.call('HSET', KEYS[4], ARGV[1], ARGV[2])`);
