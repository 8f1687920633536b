import { type Channel, channels } from '../../generated/messages.ts';
import type { Clock } from '../rooms/clock.ts';
import type { MemberRecord, Place } from '../rooms/connection.ts';
import {
  type Directory,
  type DirectoryPage,
  type DirectoryQuery,
  passes,
  type RestConnection,
  type RoomCount,
} from '../rooms/directory.ts';
import type { RoomEvent } from '../rooms/events.ts';
import { fenced } from './fence.ts';
import type { Lease } from './lease.ts';
import { listedScript, nodeKeys } from './lease-scripts.ts';
import { findListed, type Listed, readListed, readOthers, shown } from './listed.ts';
import { nodeOf } from './node-id.ts';
import { type Redis, script } from './redis.ts';

/** KEYS: the connections of a node. ARGV: the end of the lease, how many to write, ids and what is said of each, more ids. */
const writeScript = script(`${fenced}
local written = 3 + 2 * tonumber(ARGV[2])
for i = 3, written - 1, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = written, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
`);

const writtenAtOnce = 500;
const retryMs = 1_000;

/**
 * The connections of all nodes. Each node writes its own into one hash, so that nobody has to be asked to list them, and
 * so that what a node held is known when it has died.
 *
 * What changes while a write is on its way goes with the next one, all together. What cannot be written is written later;
 * meanwhile a list of another node holds what was there before, and says nothing of that.
 */
export class RedisDirectory implements Directory {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #nodeKeys: readonly string[];
  readonly #lease: Pick<Lease, 'id' | 'until' | 'epoch'>;
  readonly #clock: Clock;
  /** What Redis is to say of the connections of this node, by id. */
  readonly #own = new Map<string, Listed>();
  readonly #dirty = new Set<string>();
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #isWaiting = false;
  /** Whether Redis is to be told that all of it is listed. */
  #isRestoring = false;
  #lastSerial = 0;
  readonly #offset = Math.floor(Math.random() * 1_000);

  constructor(redis: Redis, prefix: string, lease: Pick<Lease, 'id' | 'until' | 'epoch'>, clock: Clock) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#nodeKeys = nodeKeys(prefix);
    this.#lease = lease;
    this.#clock = clock;
  }

  /** Lists a connection of this node; resolves when all nodes can read of it. */
  put({ roomId, channel }: Place, record: MemberRecord, isHost: boolean): Promise<void> {
    const { clientId, userId, presenterName, joinedAt, connectionStatus } = record;
    this.#own.set(clientId, {
      serial: this.#own.get(clientId)?.serial ?? this.#newSerial(),
      id: clientId,
      ...{ clientId, userId, roomId, channel, presenterName, isHost, joinedAt, connectionStatus },
    });
    this.#dirty.add(clientId);
    return this.#write();
  }

  /** Lists these connections no more, of whatever node they are. */
  async remove(clientIds: readonly string[]): Promise<void> {
    // Where one was moved to that is of another node, that one takes it out.
    const whose = (clientId: string) => (this.#own.has(clientId) ? this.#lease.id : nodeOf(clientId));
    const byNode = Map.groupBy(clientIds, whose);
    const writes = [...byNode].map(([node, ids]) => {
      if (node !== this.#lease.id) return this.#send(node, [], ids);
      for (const clientId of ids) {
        if (this.#own.delete(clientId)) this.#dirty.add(clientId);
      }
      return this.#dirty.size > 0 ? this.#write() : (this.#next ?? this.#writing);
    });
    await Promise.all(writes);
  }

  /** A connection of this node has gone, whoever took it out. */
  heed(event: RoomEvent): void {
    if (event.type === 'connection.left' || event.type === 'connection.moved')
      this.unlist(event.connection.clientId);
  }

  /** This node lists it no more. */
  unlist(clientId: string): void {
    if (!this.#own.delete(clientId)) return;
    this.#dirty.add(clientId);
    this.#write().catch(() => {}); // tried again
  }

  /** Redis was emptied: writes all anew. */
  restore(): void {
    this.#isRestoring = true;
    for (const clientId of this.#own.keys()) this.#dirty.add(clientId);
    this.#write().catch(() => {}); // tried again
  }

  /** Others count this node as dead: it has nothing to list any more. */
  lose(): void {
    this.#isRestoring = false;
    this.#own.clear();
    this.#dirty.clear();
  }

  /** The rooms in which a node has anybody. */
  async placesOf(node: string): Promise<Place[]> {
    const listed = await readListed(this.#redis, this.#keyOf(node));
    const places = listed.map(({ roomId, channel }) => ({ roomId, channel }));
    return [...new Map(places.map((place) => [`${place.channel}/${place.roomId}`, place])).values()];
  }

  /** Forgets a node that has nobody any more. */
  async forget(node: string): Promise<void> {
    await this.#redis.command('UNLINK', this.#keyOf(node));
  }

  async page({ after, afterId, limit, ...asked }: DirectoryQuery): Promise<DirectoryPage> {
    const isLater = ({ serial, clientId }: Listed) =>
      serial === after ? afterId !== undefined && clientId > afterId : serial > after;
    const { all, isComplete } = await this.#all();
    const found = all
      .filter((listed) => isLater(listed) && passes(listed, asked))
      .sort((one, other) => one.serial - other.serial || (one.clientId < other.clientId ? -1 : 1));
    const page = found.slice(0, limit);
    const [last, following] = [page.at(-1), found[page.length]];
    const next = following && (last?.serial ?? after);
    // Two nodes may have given the same serial in one millisecond.
    const nextId = following?.serial === last?.serial ? last?.clientId : undefined;
    return { connections: page.values().map(shown), next, nextId, isComplete };
  }

  async rooms(): Promise<{ readonly rooms: Iterable<RoomCount>; readonly isComplete: boolean }> {
    const { all, isComplete } = await this.#all();
    const rooms = new Map<string, Record<Channel, number>>();
    // Whichever node is asked, the rooms come in the same order.
    for (const { roomId, channel } of all.sort((one, other) => one.serial - other.serial)) {
      const counts = rooms.get(roomId) ?? (Object.fromEntries(channels.map((each) => [each, 0])) as never);
      rooms.set(roomId, { ...counts, [channel]: counts[channel] + 1 });
    }
    return { rooms: rooms.entries().map(([roomId, counts]) => ({ roomId, counts })), isComplete };
  }

  async find(clientId: string): Promise<RestConnection | undefined> {
    const own = this.#own.get(clientId);
    if (own !== undefined) return shown(own);
    const node = nodeOf(clientId);
    if (node === '') return undefined;
    const text = await this.#redis.command('HGET', this.#keyOf(node), clientId);
    if (typeof text === 'string') return shown(JSON.parse(text));
    // Its session may have moved to another node, if there is one of this name at all.
    const moved = await findListed(this.#redis, this.#nodeKeys, (each) => this.#keyOf(each), clientId);
    return moved && shown(moved);
  }

  /** Everybody; of nodes that cannot be read, nobody, and then it says so. */
  async #all(): Promise<{ readonly all: Listed[]; readonly isComplete: boolean }> {
    const { lists, isComplete } = await readOthers(this.#redis, this.#nodeKeys, this.#lease.id, (node) =>
      this.#keyOf(node),
    );
    // One that moves may be in two lists for a moment.
    const all = [...lists.flat(), ...this.#own.values()].map((listed) => [listed.clientId, listed] as const);
    return { all: [...new Map(all).values()], isComplete };
  }

  /** Resolves when what is to be said by now has been written. */
  #write(): Promise<void> {
    if (this.#writing === undefined) return this.#writeNow();
    this.#next ??= this.#writing
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#writeNow();
      });
    return this.#next;
  }

  #writeNow(): Promise<void> {
    const clientIds = [...this.#dirty];
    this.#dirty.clear();
    const writing = this.#writeAll(clientIds).finally(() => {
      if (this.#writing === writing) this.#writing = undefined;
    });
    this.#writing = writing;
    return writing;
  }

  async #writeAll(clientIds: readonly string[]): Promise<void> {
    const { id } = this.#lease;
    try {
      // What is written after this node was taken for dead would stay for ever.
      for (let index = 0; index < clientIds.length && id === this.#lease.id; index += writtenAtOnce) {
        const some = clientIds.slice(index, index + writtenAtOnce);
        const listed = some.flatMap((clientId) => this.#own.get(clientId) ?? []);
        await this.#send(
          id,
          listed,
          some.filter((clientId) => !this.#own.has(clientId)),
        );
      }
      await this.#sayRestored();
    } catch (error) {
      if (id === this.#lease.id) for (const clientId of clientIds) this.#dirty.add(clientId);
      this.#writeLater();
      throw error;
    }
  }

  async #sayRestored(): Promise<void> {
    if (!this.#isRestoring || this.#dirty.size > 0) return;
    const { id, epoch } = this.#lease;
    await this.#redis.run(listedScript, this.#nodeKeys, [id, epoch]);
    this.#isRestoring = false;
  }

  #writeLater(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#clock.later(() => {
      this.#isWaiting = false;
      this.#write().catch(() => {}); // tried again
    }, retryMs);
  }

  async #send(node: string, listed: readonly Listed[], gone: readonly string[]): Promise<void> {
    const written = listed.flatMap((each) => [each.clientId, JSON.stringify(each)]);
    const args = [this.#lease.until, listed.length, ...written, ...gone];
    await this.#redis.run(writeScript, [this.#keyOf(node)], args);
  }

  #newSerial(): number {
    // Of this many digits since 2001 and until 2255. Of two nodes in one millisecond each has its own part of it.
    this.#lastSerial = Math.max(this.#lastSerial + 1, this.#clock.now() * 1_000 + this.#offset);
    return this.#lastSerial;
  }

  #keyOf(node: string): string {
    return `${this.#prefix}{node:${node}}:connections`;
  }
}
