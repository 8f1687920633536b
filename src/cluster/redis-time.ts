/** What a script asks for the time of Redis itself, in epoch milliseconds: `timeOfRedis()`. */
export const redisTime = `
local function timeOfRedis()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/**
 * The beginning of a script that goes by the time, as `now`: Redis's own, so that no node's clock counts for more than
 * another's, or else the one that {@link timeArgument} gives as its first argument.
 */
export const readsTime = `${redisTime}
local now = tonumber(ARGV[1]) or timeOfRedis()
`;

/** The first argument of such a script. */
export function timeArgument(testClock: (() => number) | undefined): number | '' {
  return testClock?.() ?? '';
}
