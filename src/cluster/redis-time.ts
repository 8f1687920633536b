/**
 * The beginning of a script that goes by the time, as `now`: Redis's own, so that no node's clock counts for more than
 * another's, or else the one that {@link timeArgument} gives as its first argument.
 */
export const readsTime = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/** The first argument of such a script. */
export function timeArgument(testClock: (() => number) | undefined): number | '' {
  return testClock?.() ?? '';
}
