import { randomUUID } from 'node:crypto';
import type { MemberRecord, Place } from '../rooms/connection.ts';
import type { Said } from '../rooms/room-store.ts';
import { envelopeVersion } from './envelope.ts';
import type { Lease } from './lease.ts';
import type { Publisher, Redis } from './redis.ts';
import { allChannel } from './redis-broker.ts';
import type { EventBody } from './replica.ts';
import {
  type Commit,
  type CommitReply,
  commitScript,
  type Loaded,
  loadScript,
  moveScript,
  restoreScript,
  updateScript,
} from './room-scripts.ts';

/** The scripts of one channel of a room, with all that each of them needs. */
export class RoomCommands {
  readonly #redis: Redis;
  readonly #publishCommand: Publisher['publishCommand'];
  readonly #prefix: string;
  readonly #lease: Pick<Lease, 'id' | 'until'>;

  constructor(
    redis: Redis,
    publishCommand: Publisher['publishCommand'],
    prefix: string,
    lease: Pick<Lease, 'id' | 'until'>,
  ) {
    this.#redis = redis;
    this.#publishCommand = publishCommand;
    this.#prefix = prefix;
    this.#lease = lease;
  }

  /** The id of this node. */
  get node(): string {
    return this.#lease.id;
  }

  async commit(place: Place, commit: Omit<Commit, keyof Publishing>, body: EventBody): Promise<CommitReply> {
    const all: Commit = { ...commit, ...this.publishing(place), body: JSON.stringify(body) };
    const args = commitOrder.map((name) => all[name]);
    return (await this.#run(commitScript, place, args)) as CommitReply;
  }

  /** Says whether it was done: not where the client is not there, or is on another node. */
  async update(place: Place, record: MemberRecord, said: Said | undefined, echo?: string): Promise<boolean> {
    const { publishCommand, channel, head } = this.publishing(place);
    const text = JSON.stringify(record);
    const body: EventBody = { update: record, said, echo };
    const args = [record.clientId, text, publishCommand, channel, head, JSON.stringify(body)];
    return (await this.#run(updateScript, place, args)) === 1;
  }

  /** A session of this node is on another one, as the record says; `false` where it is not there any more. */
  async move(place: Place, record: MemberRecord, claim: string): Promise<boolean> {
    const { publishCommand, channel, head } = this.publishing(place);
    const { clientId } = record;
    const known = JSON.stringify({ clientId, node: this.#lease.id }).slice(0, -1);
    const body: EventBody = { update: record, claim };
    const args = [
      clientId,
      JSON.stringify(record),
      known,
      publishCommand,
      channel,
      head,
      JSON.stringify(body),
    ];
    return (await this.#run(moveScript, place, args)) === 1;
  }

  async load(place: Place): Promise<Loaded> {
    return (await this.#redis.run(loadScript, this.#keysOf(place), [])) as Loaded;
  }

  /** @param rolls ids and what stands in the hash, by turns */
  async restore(place: Place, version: string, state: string, rolls: readonly string[]): Promise<void> {
    const { publishCommand, channel, head } = this.publishing(place);
    const args = [randomUUID(), version, state, publishCommand, channel, head, ...rolls];
    await this.#run(restoreScript, place, args);
  }

  publishing(place: Place): Publishing {
    return {
      publishCommand: this.#publishCommand,
      channel: allChannel(this.#prefix, place),
      head: `${envelopeVersion} ${this.#lease.id} event`,
      body: '',
    };
  }

  #run(script: typeof commitScript, place: Place, args: readonly (string | number)[]): Promise<unknown> {
    return this.#redis.run(script, this.#keysOf(place), [this.#lease.until, ...args]);
  }

  #keysOf({ roomId, channel }: Place): string[] {
    const key = `${this.#prefix}{${roomId}}:${channel}`;
    return [`${key}:room`, `${key}:members`, `${key}:waiting`];
  }
}

type Publishing = Pick<Commit, 'publishCommand' | 'channel' | 'head' | 'body'>;

/** As the script takes them. */
const commitOrder: readonly (keyof Commit)[] = [
  'incarnation',
  'version',
  'type',
  'clientId',
  'joinedAt',
  'record',
  'state',
  'nextVersion',
  'required',
  'maxSize',
  'nextIncarnation',
  'publishCommand',
  'channel',
  'head',
  'body',
];
