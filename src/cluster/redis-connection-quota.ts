import { createHash } from 'node:crypto';
import type { Clock } from '../rooms/clock.ts';
import {
  type Claimant,
  type ConnectionLimits,
  type ConnectionQuota,
  refuseTooMany,
} from '../rooms/connection-quota.ts';
import { SignalboxError } from '../rooms/errors.ts';
import { type Redis, script } from './redis.ts';

/** The nodes of the cluster, as one of them knows them. */
export interface Nodes {
  /** The id of this one. */
  readonly own: () => string;
  /** The ids of all whose leases hold. */
  readonly live: () => ReadonlySet<string>;
}

/** How long claims are kept that nobody renews; those that are held are renewed four times as often. */
const keepMs = 24 * 3_600_000;
const retryMs = 1_000;
/** Connections told of at once, in two commands each: few enough that all are answered well within the time of one. */
const batchSize = 50;
/** Releases that wait for Redis; of more the oldest are left to be found by the next who is refused. */
const maxPending = 100_000;
/** Claims of dead nodes dropped at once; of more, the rest is dropped by the next who is refused. */
const maxDropped = 1_000;
const unlimited = Number.MAX_SAFE_INTEGER;

/**
 * KEYS: the claims of a user, or of an address: client ids, and the rooms of their connections. ARGV: how long to keep
 * them, how many there may be, and of one room, the room, the id (empty: only asks), and then ids to drop before.
 * Returns how many there were before, and of the room.
 */
const claim = script(`
local limit, limitOfRoom, roomId, clientId = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
for i = 6, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
local count, ofRoom = redis.call('HLEN', KEYS[1]), 0
if limitOfRoom <= limit then
  for _, room in ipairs(redis.call('HVALS', KEYS[1])) do
    if room == roomId then ofRoom = ofRoom + 1 end
  end
end
if clientId == '' or count >= limit or ofRoom >= limitOfRoom then return { count, ofRoom } end
redis.call('HSET', KEYS[1], clientId, roomId)
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return { count, ofRoom }
`);

/**
 * Counts the connections of all nodes.
 *
 * Of each user and of each address a hash has the ids of its connections. The two lie in slots of their own and are asked
 * at the same time; where one refuses, what the other one granted is given back. Ids name their node, so that claims of
 * nodes that have died are known for what they are: who would be refused looks for such ones, and drops them.
 *
 * Round trips: 1 for `check` and `take`, up to 3 to refuse and 1 to give back, and 1 for `release`, for which nobody waits.
 */
export class RedisConnectionQuota implements ConnectionQuota {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #limits: ConnectionLimits;
  readonly #nodes: Nodes;
  readonly #later: Clock['later'];
  /** What this node holds, or is about to take. */
  readonly #held = new Map<string, Claimant>();
  /** What Redis is still to be told to forget, the oldest first. */
  readonly #pending = new Map<string, Claimant>();
  #isRetrying = false;
  #stopped = false;

  /** @param prefix what all keys begin with; no braces, which say what lies in one slot */
  constructor(redis: Redis, prefix: string, limits: ConnectionLimits, nodes: Nodes, later: Clock['later']) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#limits = limits;
    this.#nodes = nodes;
    this.#later = later;
    this.#renewLater();
  }

  /** Releases that wait for Redis, for a metric. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Tries nothing again; for when the node ends. */
  stop(): void {
    this.#stopped = true;
  }

  async check(claimant: Claimant): Promise<void> {
    await this.#ask('', claimant);
  }

  async take(clientId: string, claimant: Claimant): Promise<void> {
    if (this.#held.has(clientId)) return;
    this.#held.set(clientId, claimant);
    const before = this.#pending.get(clientId);
    try {
      // One that comes back: what it held is still to be forgotten, which must not come after this.
      if (before !== undefined) await this.#forget(clientId, before);
      await this.#ask(clientId, claimant);
    } catch (error) {
      // One of the two may have granted it, or may do so after it was late to answer.
      const forgotten = this.#letGo(clientId, claimant);
      if (error instanceof SignalboxError && error.code === 'connection_limit') await forgotten;
      throw error;
    }
  }

  release(clientId: string, claimant: Claimant): void {
    if (this.#held.has(clientId)) void this.#letGo(clientId, claimant);
  }

  /** Writes back what this node holds, into a Redis that has lost it. Rejects where that fails. */
  async restore(): Promise<void> {
    for (const batch of inBatches([...this.#held])) {
      const all = batch.flatMap(([clientId, { userId, roomId, address }]) =>
        this.#held.has(clientId) // it may have ended while others were written
          ? [this.#userKey(userId), this.#addressKey(address)].map((key) =>
              this.#claim(key, unlimited, unlimited, roomId, clientId),
            )
          : [],
      );
      await Promise.all(all);
    }
  }

  async #ask(clientId: string, { userId, roomId, address }: Claimant): Promise<void> {
    const { perUser, perUserAndRoom, perAddress } = this.#limits;
    const replies = await Promise.allSettled([
      this.#askTwice(this.#userKey(userId), perUser, perUserAndRoom, roomId, clientId),
      this.#askTwice(this.#addressKey(address), perAddress, unlimited, roomId, clientId),
    ]);
    const [[ofUser, inRoom], [ofAddress]] = replies.map((reply) => {
      if (reply.status === 'rejected') throw reply.reason;
      return reply.value;
    }) as [Reply, Reply];
    refuseTooMany({ inRoom, ofUser, ofAddress }, this.#limits);
  }

  /** Before it is refused, whoever does not count any more is dropped. */
  async #askTwice(
    key: string,
    limit: number,
    limitOfRoom: number,
    roomId: string,
    clientId: string,
  ): Promise<Reply> {
    const reply = await this.#claim(key, limit, limitOfRoom, roomId, clientId);
    const [count, ofRoom] = reply;
    if (count < limit && ofRoom < limitOfRoom) return reply;
    const clientIds = (await this.#redis.command('HKEYS', key)) as string[];
    const gone = clientIds.filter((id) => this.#isGone(id)).slice(0, maxDropped);
    return gone.length === 0 ? reply : this.#claim(key, limit, limitOfRoom, roomId, clientId, gone);
  }

  async #claim(
    key: string,
    limit: number,
    limitOfRoom: number,
    roomId: string,
    clientId: string,
    gone: readonly string[] = [],
  ): Promise<Reply> {
    const reply = await this.#redis.run(
      claim,
      [key],
      [keepMs, limit, limitOfRoom, roomId, clientId, ...gone],
    );
    return reply as Reply;
  }

  /** Of a node that has died, or of this one, which does not hold it. A node younger than what is known here may lose some. */
  #isGone(clientId: string): boolean {
    const [, node = ''] = /^client_([a-z0-9]+)_/.exec(clientId) ?? [];
    return !this.#held.has(clientId) && (node === this.#nodes.own() || !this.#nodes.live().has(node));
  }

  /** Never rejects. */
  async #letGo(clientId: string, claimant: Claimant): Promise<void> {
    this.#held.delete(clientId);
    this.#pending.set(clientId, claimant);
    const [oldest] = this.#pending.keys();
    if (this.#pending.size > maxPending && oldest !== undefined) this.#pending.delete(oldest);
    await this.#forget(clientId, claimant).catch(() => this.#retryLater());
  }

  async #forget(clientId: string, { userId, address }: Claimant): Promise<void> {
    await Promise.all([
      this.#redis.command('HDEL', this.#userKey(userId), clientId),
      this.#redis.command('HDEL', this.#addressKey(address), clientId),
    ]);
    this.#pending.delete(clientId);
  }

  #retryLater(): void {
    if (this.#isRetrying || this.#stopped) return;
    this.#isRetrying = true;
    this.#later(() => void this.#retry(), retryMs);
  }

  async #retry(): Promise<void> {
    try {
      for (const batch of inBatches([...this.#pending])) {
        if (this.#stopped) return;
        const open = batch.filter(([clientId, claimant]) => this.#pending.get(clientId) === claimant);
        await Promise.all(open.map(([clientId, claimant]) => this.#forget(clientId, claimant)));
      }
    } catch {
      // Redis is still gone, or gone again.
    }
    this.#isRetrying = false;
    if (this.#pending.size > 0) this.#retryLater();
  }

  #renewLater(): void {
    this.#later(() => {
      if (this.#stopped) return;
      this.restore()
        .catch(() => {}) // there are three more times
        .finally(() => this.#renewLater());
    }, keepMs / 4);
  }

  #userKey(userId: string): string {
    const hash = createHash('sha256').update(userId).digest('base64url');
    return `${this.#prefix}{user:${hash}}:connections`;
  }

  #addressKey(address: string): string {
    return `${this.#prefix}{address:${address}}:connections`;
  }
}

type Reply = readonly [count: number, ofRoom: number];

function inBatches<T>(all: readonly T[]): T[][] {
  const count = Math.ceil(all.length / batchSize);
  return Array.from({ length: count }, (_, i) => all.slice(i * batchSize, (i + 1) * batchSize));
}
