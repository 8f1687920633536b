import { redisTime } from './redis-time.ts';

/**
 * The beginning of a script that writes for a node: its first argument is the end of that node's lease
 * (`Lease.until`), and past that nothing of the script is done: the caller gets an error that {@link isFenced} knows.
 * The script finds the time of Redis as `now`.
 *
 * So nothing that a node has said lingers in buffers until others have swept the node, and is written after all. On a
 * Redis Cluster the time is that of the room's own master, and leases end by that of another: nobody is swept until a
 * quarter of a beat after the end of the lease (250 ms, as nodes are set), and so far apart may the clocks of masters be.
 */
export const fenced = `${redisTime}
local now = timeOfRedis()
${refusesAfter(1)}`;

/** The same for a script that knows the time as `now` already, and has the end of the lease as this argument. */
export function refusesAfter(argument: number): string {
  return `if now >= tonumber(ARGV[${argument}]) then
  return redis.error_reply('FENCED the lease of the node that writes is over')
end
`;
}

/** Whether Redis has refused a script since the lease that it was written under is over; nothing of it was done. */
export function isFenced(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('FENCED');
}
