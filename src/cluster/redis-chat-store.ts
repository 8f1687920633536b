import { type Channel, type ChatEntry, type ChatPage, channels } from '../../generated/messages.ts';
import {
  type ChatStore,
  cutPage,
  type HistoryBounds,
  type Kept,
  type PageRequest,
  type StoredMessage,
} from '../rooms/chat-store.ts';
import type { Place } from '../rooms/connection.ts';
import type { Frame } from '../rooms/frame.ts';
import type { Announcement } from '../rooms/hub.ts';
import { idIn, markOf, renamed } from '../rooms/message-id.ts';
import {
  appendScript,
  clearScript,
  getScript,
  made,
  pageScript,
  removeScript,
  replaceScript,
} from './chat-scripts.ts';
import type { Echoes } from './echoes.ts';
import type { Lease } from './lease.ts';
import type { Redis, Script } from './redis.ts';
import type { RedisBroker } from './redis-broker.ts';
import { timeArgument } from './redis-time.ts';

/**
 * What was said in each channel of each room, on all nodes.
 *
 * Of a channel, a sorted set says what there is and who may see it, and a hash holds the entries: so what a page must
 * look through is short, and of the entries it touches only those that it shows. The newest id is kept as well, since
 * others come after it when nothing else is left. Everything of one room lies in one slot, and expires together when
 * nothing was said for as long as messages are kept.
 *
 * Every call is one round trip. A page costs Redis what it shows, and a look at each message in between that is hidden
 * from its reader: at most as many as are kept of a channel.
 */
export class RedisChatStore implements ChatStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #broker: Pick<RedisBroker, 'publishing'>;
  readonly #echoes: Echoes;
  readonly #lease: Pick<Lease, 'until'>;
  readonly #bounds: HistoryBounds;
  readonly #testClock: (() => number) | undefined;
  #changes = 0;

  /**
   * @param prefix what all keys begin with; no braces, which say what lies in one slot
   * @param echoes of what this publishes: this node's members are told by them
   * @param testClock in the place of Redis' own; only for tests, since keys still expire by that of Redis
   */
  constructor(
    redis: Redis,
    prefix: string,
    broker: Pick<RedisBroker, 'publishing'>,
    echoes: Echoes,
    lease: Pick<Lease, 'until'>,
    bounds: HistoryBounds,
    testClock?: () => number,
  ) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#broker = broker;
    this.#echoes = echoes;
    this.#lease = lease;
    this.#bounds = bounds;
    this.#testClock = testClock;
  }

  async append(
    place: Place,
    { entry, readers, sentAt }: StoredMessage,
    news?: Announcement,
    tried: readonly string[] = [],
  ): Promise<Kept> {
    const mark = markOf(entry.messageId);
    let toldId = entry.messageId;
    const tellHere = (frame?: Frame) => {
      toldId = (frame && idIn(frame, mark)) ?? toldId;
      news?.tellHere(frame);
    };
    const names = Array.from(readers ?? [], (userId) => `${JSON.stringify(userId)}\t`);
    const tail = `\n${sentAt}${readers ? '\t' : ''}${names.join('')}`;
    const silentMs = Math.max(1, this.#bounds.maxAgeMs);
    const args = [entry.messageId, tail, JSON.stringify(entry), silentMs, ...tried.map(markOf)];
    const answer = await this.#change(appendScript, place, mark, news && { ...news, tellHere }, args);
    if (Array.isArray(answer)) {
      const { messageId, sentAt }: ChatEntry = JSON.parse(answer[0]);
      await this.#echoes.published(markOf(messageId), (frame) => renamed(frame, messageId));
      return { messageId, sentAt };
    }
    const messageId = typeof answer === 'string' ? answer : toldId; // as it was told, where the answer was lost
    return { messageId, sentAt: entry.sentAt };
  }

  async get(place: Place, messageId: string, userId: string): Promise<StoredMessage | undefined> {
    const found = await this.#run(getScript, place, messageId, JSON.stringify(userId));
    if (found === null) return undefined;
    const [member, entry] = found as [string, string];
    const [head = '', ...names] = member.split('\t');
    const readers =
      names.length > 0 ? new Set(names.slice(0, -1).map((name) => JSON.parse(name))) : undefined;
    return { entry: JSON.parse(entry), readers, sentAt: Number(head.slice(messageId.length)) };
  }

  async replace(place: Place, entry: ChatEntry, news?: Announcement): Promise<boolean> {
    const args = [entry.messageId, JSON.stringify(entry)];
    return (await this.#change(replaceScript, place, this.#newName(), news, args)) === made;
  }

  async remove(place: Place, messageId: string, news?: Announcement): Promise<boolean> {
    return (await this.#change(removeScript, place, this.#newName(), news, [messageId])) === made;
  }

  async clear(roomId: string, only?: Channel): Promise<void> {
    const keys = (only ? [only] : channels).flatMap((channel) =>
      this.#keysOf({ roomId, channel }).slice(0, 2),
    );
    await this.#redis.run(clearScript, keys, [this.#lease.until]);
  }

  async page(place: Place, userId: string, request: PageRequest): Promise<ChatPage> {
    const { before, after, limit } = request;
    // In bytes, what follows an id is a line feed and a digit: less than a colon.
    const low = after === undefined ? '-' : `(${after}\n:`;
    const high = before === undefined ? '+' : `(${before}\n`;
    const range = after === undefined ? ['ZREVRANGEBYLEX', high, low] : ['ZRANGEBYLEX', low, high];
    const found = await this.#run(pageScript, place, JSON.stringify(userId), ...range, limit);
    const entries: ChatEntry[] = (found as string[]).map((entry) => JSON.parse(entry));
    return cutPage(entries, request);
  }

  /**
   * Makes a change, and waits until this node's members have been told of it; says what the script does, or that it is
   * `made` where only that is known.
   *
   * @param name what its echo is called
   */
  async #change(
    which: Script,
    place: Place,
    name: string,
    news: Announcement | undefined,
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const echo = news && this.#echoes.expect(name, news);
    const published = news ? this.#broker.publishing(place, { ...news.message, echo: name }) : ['', '', ''];
    try {
      const answer = await this.#run(which, place, this.#lease.until, ...published, ...args);
      if (typeof answer === 'string') await this.#echoes.published(name, (frame) => renamed(frame, answer));
      else if (answer === made) await this.#echoes.published(name);
      else this.#echoes.forget(name);
      return answer;
    } catch (error) {
      if (echo?.isTold) return made; // the answer was lost, and the echo was not
      this.#echoes.unsure(name);
      throw error;
    }
  }

  /** Unlike the mark of any message. */
  #newName(): string {
    this.#changes += 1;
    return `${this.#changes}`;
  }

  #run(which: Script, place: Place, ...args: readonly (string | number)[]): Promise<unknown> {
    const { maxMessages, maxAgeMs } = this.#bounds;
    const bounds = [timeArgument(this.#testClock), maxMessages, maxAgeMs];
    return this.#redis.run(which, this.#keysOf(place), [...bounds, ...args]);
  }

  #keysOf({ roomId, channel }: Place): [string, string, string] {
    const key = `${this.#prefix}{${roomId}}:chat:${channel}`;
    return [`${key}:index`, `${key}:entries`, `${key}:newest`];
  }
}
