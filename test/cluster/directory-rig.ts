import { sayingDegraded } from '../../src/cluster/degraded.ts';
import type { Redis } from '../../src/cluster/redis.ts';
import { RedisDirectory } from '../../src/cluster/redis-directory.ts';
import { type MemberRecord, newClientId, type Place } from '../../src/rooms/connection.ts';
import type { DirectoryQuery } from '../../src/rooms/directory.ts';

export const room = { roomId: 'r', channel: 'zoom' } as const;
export const everything: DirectoryQuery = { after: 0, limit: 100_000 };
let prefixes = 0;
let ids = 0;

/** One node that lists its connections; nothing gets to Redis where its `line` is cut, or about a key that is refused. */
export async function startLister(on: Redis, prefix: string) {
  const lease = {
    id: `lnode${String(++ids).padStart(3, '0')}`,
    until: Date.now() + 3_600_000,
    epoch: 'first',
  };
  await on.command('ZADD', `${prefix}{.nodes}:leases`, lease.until, lease.id);
  await on.command('HSET', `${prefix}{.nodes}:epoch`, 'id', lease.epoch);
  await on.command('HSET', `${prefix}{.nodes}:listed`, lease.id, lease.epoch);
  const line = { isCut: false, refused: '' };
  const pass = (key: string | undefined, call: () => Promise<unknown>) =>
    line.isCut || key === line.refused ? Promise.reject(new Error('cut off')) : call();
  const guarded = sayingDegraded({
    command: (...call) => pass(call[1], () => on.command(...call)),
    run: (...call) => pass(call[1][0], () => on.run(...call)),
    close: () => {},
  });
  const clock = { now: Date.now, later: (run: () => void) => void setTimeout(run, 50).unref() };
  const directory = new RedisDirectory(guarded, prefix, lease, clock);
  const member = (userId = 'u'): MemberRecord => ({
    ...{ clientId: newClientId(lease.id), node: lease.id, userId, presenterName: userId, tokenHost: false },
    ...{ joinedAt: '2026-01-01T00:00:00.000Z', connectionStatus: 'connected', handRaised: false },
    media: { mic: 'off', camera: 'off', screen: 'off' },
  });
  /** Lists one, and says its id. */
  const put = async (place: Place = room, userId = 'u', isHost = false) => {
    const record = member(userId);
    await directory.put(place, record, isHost);
    return record.clientId;
  };
  const list = async (query: Partial<DirectoryQuery> = {}) => {
    const { connections, next, nextId, isComplete } = await directory.page({ ...everything, ...query });
    const ids = connections.map(({ clientId }) => clientId).toArray();
    return { ids, next, isComplete, ...(nextId !== undefined && { nextId }) };
  };
  const key = `${prefix}{node:${lease.id}}:connections`;
  return { lease, line, directory, member, put, list, key };
}

/** Three nodes, or fewer, of which a test names what it needs. */
export async function startListers(on: Redis, count: number) {
  const prefix = `test ${++prefixes}:`;
  const all = [];
  for (let n = 0; n < count; n += 1) all.push(await startLister(on, prefix));
  const [a, b, c] = all as [Lister, Lister, Lister];
  return { prefix, a, b, c };
}
type Lister = Awaited<ReturnType<typeof startLister>>;
