import { fenced } from './fence.ts';
import { script } from './redis.ts';

/**
 * What Redis knows of one channel of a room, all in the slot of the room:
 * - `room`, a hash: the `incarnation` (which room of this name it is: the next one is another), `seq` (how many events it
 *   has had), `order` (of its newest member), and the `state` with its `version`, which is compared and set.
 * - `members` and `waiting`, hashes by `clientId`: `<order> <joinedAt>\n<record as JSON>`. Nothing of them is compared, so
 *   that joins do not conflict, and what is compared does not grow with the room.
 *
 * Each change is one script, which publishes the event in the same step: so all nodes hear of the changes in the order in
 * which they were made, and a gap in `seq` tells that one was missed.
 */
const publishes = `${fenced}
local room, members, waiting = KEYS[1], KEYS[2], KEYS[3]

local function publish(command, channel, head, incarnation, seq, order, body)
  redis.call(command, channel, head .. ' ' .. incarnation .. ' ' .. seq .. ' ' .. order .. '\\n' .. body)
end
`;

/** How a commit ends: carried out, of no use since who it is about has gone, or refused since something has changed. */
export type CommitStatus = 'ok' | 'gone' | 'conflict';
/** Of the event that it made, or else of the last one: the caller has to know of it before it goes on. */
export type CommitReply = readonly [status: CommitStatus, incarnation: string, seq: number];

/** The arguments of a commit behind the end of the lease, in order. Empty: none. */
export interface Commit {
  readonly incarnation: string;
  readonly version: string;
  readonly type: 'joined' | 'waits' | 'admitted' | 'went' | 'stopped' | 'dissolved' | '';
  readonly clientId: string;
  readonly joinedAt: string;
  /** Of who joins or waits. */
  readonly record: string;
  /** `-` where the room ends; empty where it stays as it is. */
  readonly state: string;
  readonly nextVersion: string;
  /** Who must be a member. */
  readonly required: string;
  /** How many there may be with a newcomer; 0: any number. */
  readonly maxSize: number;
  /** What a new room of this name is called. */
  readonly nextIncarnation: string;
  readonly publishCommand: string;
  readonly channel: string;
  readonly head: string;
  readonly body: string;
}

/** KEYS: room, members, waiting. ARGV: the end of the lease, and a {@link Commit}. Returns a {@link CommitReply}. */
export const commitScript = script(`${publishes}
local incarnation, version, type, clientId = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local joinedAt, record, state, nextVersion = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local required, maxSize, nextIncarnation = ARGV[10], tonumber(ARGV[11]), ARGV[12]

local now = redis.call('HMGET', room, 'incarnation', 'version', 'seq')
local current, seq = now[1] or '', tonumber(now[3] or 0)
local isMember = redis.call('HEXISTS', members, clientId) == 1
local waits = redis.call('HEXISTS', waiting, clientId) == 1
local isOver = current == '' and type ~= 'joined' and type ~= 'waits'
local isGone = not waits and (type == 'admitted' or not isMember and (type == 'went' or type == 'stopped'))
if isOver or isGone then return { 'gone', current, seq } end
local conflict = { 'conflict', current, seq }
if current ~= incarnation or (now[2] or '') ~= version then return conflict end
if required ~= '' and required ~= clientId and redis.call('HEXISTS', members, required) == 0 then return conflict end
if type == 'stopped' and isMember then return conflict end
local size = redis.call('HLEN', members)
if type == 'went' and isMember and (size == 1) ~= (state == '-') then return conflict end
if maxSize > 0 and size + redis.call('HLEN', waiting) >= maxSize then return conflict end

if current == '' then
  current = nextIncarnation
  redis.call('HSET', room, 'incarnation', current)
end
seq = redis.call('HINCRBY', room, 'seq', 1)
local order = 0
if type == 'joined' then
  order = redis.call('HINCRBY', room, 'order', 1)
  redis.call('HSET', members, clientId, order .. ' ' .. joinedAt .. '\\n' .. record)
elseif type == 'waits' then
  redis.call('HSET', waiting, clientId, '0 ' .. joinedAt .. '\\n' .. record)
elseif type == 'admitted' then
  order = redis.call('HINCRBY', room, 'order', 1)
  local kept = redis.call('HGET', waiting, clientId)
  redis.call('HDEL', waiting, clientId)
  redis.call('HSET', members, clientId, order .. ' ' .. joinedAt .. kept:sub(kept:find('\\n', 1, true), -1))
elseif type == 'went' or type == 'stopped' then
  redis.call('HDEL', isMember and members or waiting, clientId)
end
if state == '-' then
  redis.call('DEL', room, members, waiting)
elseif state ~= '' then
  redis.call('HSET', room, 'state', state, 'version', nextVersion)
end
publish(ARGV[13], ARGV[14], ARGV[15], current, seq, order, ARGV[16])
return { 'ok', current, seq }
`);

/** What both do who write a record anew: the client must be at a node, as the beginning of what is known of it tells. */
const writesAnew = `${publishes}
local function isAt(known, head)
  local start = known:find('\\n', 1, true)
  return known:sub(start + 1, start + #head) == head
end
`;

/**
 * KEYS: as above. ARGV: the end of the lease, the id, the record, and how to publish: command, channel, head, body. Whose
 * session has moved to another node stays as that one says.
 */
export const updateScript = script(`${writesAnew}
local head = ARGV[3]:match('^{"clientId":"[^"]*","node":"[^"]*"') or ''
for _, roll in ipairs({ members, waiting }) do
  local known = redis.call('HGET', roll, ARGV[2])
  if known and isAt(known, head) then
    redis.call('HSET', roll, ARGV[2], known:sub(1, known:find('\\n', 1, true)) .. ARGV[3])
    local incarnation = redis.call('HGET', room, 'incarnation') or ''
    publish(ARGV[4], ARGV[5], ARGV[6], incarnation, redis.call('HINCRBY', room, 'seq', 1), 0, ARGV[7])
    return 1
  end
end
return 0
`);

/**
 * The session of a member moves to another node. KEYS: as above. ARGV: the end of the lease, the id, the record, how it
 * begins until then, and how to publish: command, channel, head, body. Returns 0 where the member is not there any more.
 */
export const moveScript = script(`${writesAnew}
local known = redis.call('HGET', members, ARGV[2])
if not known or not isAt(known, ARGV[4]) then return 0 end
redis.call('HSET', members, ARGV[2], known:sub(1, known:find('\\n', 1, true)) .. ARGV[3])
local incarnation = redis.call('HGET', room, 'incarnation') or ''
publish(ARGV[5], ARGV[6], ARGV[7], incarnation, redis.call('HINCRBY', room, 'seq', 1), 0, ARGV[8])
return 1
`);

/** What there is of a room. */
export type Loaded = readonly [
  room: readonly [
    incarnation: string | null,
    seq: string | null,
    version: string | null,
    state: string | null,
  ],
  members: readonly string[],
  waiting: readonly string[],
];

/** KEYS: as above. Returns what a {@link Loaded} is. */
export const loadScript = script(`
return {
  redis.call('HMGET', KEYS[1], 'incarnation', 'seq', 'version', 'state'),
  redis.call('HGETALL', KEYS[2]),
  redis.call('HGETALL', KEYS[3]),
}
`);

/**
 * Writes back what one node holds of a room that Redis has lost: who is there already, and the state if there is one,
 * stay. Everybody hears that something has changed that they cannot follow, and loads the room.
 *
 * KEYS: as above. ARGV: the end of the lease, a new incarnation, the version, the state, how to publish (command,
 * channel, head), and of each connection the id and what stands in the hash.
 */
export const restoreScript = script(`${publishes}
redis.call('HSETNX', room, 'incarnation', ARGV[2])
if redis.call('HSETNX', room, 'version', ARGV[3]) == 1 then redis.call('HSET', room, 'state', ARGV[4]) end
local newest = tonumber(redis.call('HGET', room, 'order') or 0)
for i = 8, #ARGV, 2 do
  local order = tonumber(ARGV[i + 1]:match('^%d+'))
  redis.call('HSETNX', order > 0 and members or waiting, ARGV[i], ARGV[i + 1])
  newest = math.max(newest, order)
end
redis.call('HSET', room, 'order', newest)
publish(ARGV[5], ARGV[6], ARGV[7], redis.call('HGET', room, 'incarnation'), redis.call('HINCRBY', room, 'seq', 2), 0, '{}')
`);
