import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { MoveMessage, NodeMessage } from '../rooms/broker.ts';
import type { Sought } from '../rooms/carriage.ts';
import type { Clock } from '../rooms/clock.ts';
import { type Connection, type Place, toRecord } from '../rooms/connection.ts';
import type { Relocation } from '../rooms/relocation.ts';
import { degraded } from './degraded.ts';
import type { Detours } from './detours.ts';
import type { Lease } from './lease.ts';
import { nodeOf } from './node-id.ts';
import { inTime } from './redis.ts';
import type { RedisBroker } from './redis-broker.ts';
import type { RedisDirectory } from './redis-directory.ts';
import type { RedisRoomStore } from './redis-room-store.ts';
import type { RoomCommands } from './room-commands.ts';

/** What moving goes by. */
export interface MovesParts {
  readonly rooms: RedisRoomStore;
  readonly commands: RoomCommands;
  readonly broker: RedisBroker;
  readonly directory: RedisDirectory;
  readonly detours: Detours;
  readonly lease: Pick<Lease, 'id' | 'isAlive'>;
  readonly clock: Clock;
  /** How long a node waits for the other one. */
  readonly answerMs: number;
}

/** Whether a message is of a move. */
export function isOfMove(message: NodeMessage): message is MoveMessage {
  return ['claim', 'refusal', 'parcel', 'fence'].includes(message.kind);
}

/** So long a node may send to where a session was: longer, and it is dead. */
const overheardMs = 12_000;

type Answer = Exclude<MoveMessage, { kind: 'claim' | 'fence' }>;

/**
 * Brings sessions from the nodes that have them to those where their clients have come.
 *
 * The node that has it publishes that it moves, in the stream of the room, which all nodes hear in one order. It keeps for
 * the client what comes before that event, and the other one what comes after. Both have what their own clients say go
 * through the stream meanwhile; so nothing is missed, and nothing comes twice. What cannot be exact does not move: then the
 * client starts anew, and the session ends.
 */
export class Moves {
  readonly #parts: MovesParts;
  readonly #answers = new Map<string, (answer: Answer) => void>();
  readonly #underWay = new Map<string, Promise<Connection | undefined>>();
  #relocation: Relocation | undefined;

  constructor(parts: MovesParts) {
    this.#parts = parts;
  }

  /** Says who carries moves out here; to be called once, before anything else. */
  carriedOutBy(relocation: Relocation): void {
    this.#relocation = relocation;
  }

  /**
   * Has a session come to this node: then its connection is one of this node, which has lost its socket. Else gives what is
   * left of it on another node, and is to end; nothing where there is none of this user.
   */
  fetch(sought: Sought): Promise<Connection | undefined> {
    const { clientId } = sought;
    const underWay = this.#underWay.get(clientId);
    if (underWay !== undefined) return underWay;
    const fetched = this.#fetch(sought).finally(() => this.#underWay.delete(clientId));
    this.#underWay.set(clientId, fetched);
    return fetched;
  }

  /** Takes what another node says of a move. */
  receive(place: Place, message: MoveMessage, origin: string): void {
    if (message.kind === 'claim') void this.#claimed(place, message, origin);
    else if (message.kind !== 'fence') this.#answers.get(message.claim)?.(message);
  }

  #fetch(sought: Sought): Promise<Connection | undefined> {
    const { rooms, lease } = this.#parts;
    const { place, clientId, userId } = sought;
    return rooms.hold([place], async () => {
      const there = this.#relocation?.elsewhere(place, clientId);
      if (there?.node === undefined || there.identity.userId !== userId) return undefined;
      const isAlive = await lease.isAlive(there.node).catch((error) => {
        throw degraded(error);
      });
      return isAlive ? this.#ask(sought, there, there.node) : undefined;
    });
  }

  async #ask(
    { place, clientId, resumeToken, received }: Sought,
    there: Connection,
    from: string,
  ): Promise<Connection | undefined> {
    const { rooms, broker, directory, detours, lease } = this.#parts;
    const claim = randomUUID();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    let moved: Connection | undefined;
    const leaveDetour = detours.enter(place);
    this.#relocation?.expect(claim, resumeToken, () => this.#fence(place));
    this.#answers.set(claim, (answer) => {
      if (answer.kind === 'parcel' && !rooms.owesOf(place))
        moved = this.#relocation?.settle(claim, answer.parcel);
      resolve(answer);
    });
    try {
      await this.#payOf(place);
      const isHost = rooms.get(place)?.hosts.includes(clientId) ?? false;
      await Promise.all([
        // What others still send to where it was. It may have moved before.
        ...[...new Set([from, nodeOf(clientId)])].map((node) => this.#overhear(place, node)),
        directory.put(place, toRecord(there, lease.id), isHost),
      ]).catch((error) => {
        throw degraded(error); // nothing has happened yet: the client comes again
      });
      const tokenHash = hashOf(resumeToken);
      broker.send(from, place, { kind: 'claim', claim, clientId, tokenHash, received });
      const answer = await inTime(promise, this.#parts.answerMs).catch(() => undefined);
      if (answer?.kind === 'refusal' && !answer.isOwn) return undefined;
      return moved ?? there;
    } finally {
      this.#answers.delete(claim);
      if (moved === undefined) {
        this.#relocation?.giveUp(claim);
        directory.unlist(clientId);
      }
      leaveDetour();
    }
  }

  /** What clients of this node were told, and others not yet, could reach who moves twice, or never: it is said first. */
  async #payOf(place: Place): Promise<void> {
    const { rooms } = this.#parts;
    if (rooms.owesOf(place)) await rooms.settle();
  }

  #overhear(place: Place, node: string): Promise<void> {
    const { broker, clock } = this.#parts;
    clock.later(() => broker.overhearNoMore(place, node), overheardMs);
    return broker.overhear(place, node);
  }

  /** What this node has sent to the session where it was comes by before this does. */
  #fence(place: Place): void {
    const { broker, detours, lease } = this.#parts;
    const echo = detours.expect(place, () => {});
    if (echo !== undefined) broker.send(lease.id, place, { kind: 'fence', echo });
  }

  async #claimed(
    place: Place,
    { claim, clientId, tokenHash, received }: Extract<MoveMessage, { kind: 'claim' }>,
    by: string,
  ): Promise<void> {
    const { broker, rooms, commands, detours, clock } = this.#parts;
    const { now } = clock;
    const relocation = this.#relocation;
    const refuse = (isOwn: boolean) => broker.send(by, place, { kind: 'refusal', claim, clientId, isOwn });
    const connection = relocation?.here(place, clientId);
    const isOwn = connection !== undefined && isSame(hashOf(connection.resumeToken), tokenHash);
    if (relocation === undefined || !isOwn) return refuse(false);
    const until = now() + this.#parts.answerMs / 2;
    if (!(await relocation.detach(connection, received))) return refuse(true);
    await this.#payOf(place);
    // It may have gone meanwhile; and who asked waits no more.
    if (relocation.here(place, clientId) !== connection) return refuse(false);
    if (now() > until || rooms.owesOf(place)) return refuse(true);
    const leaveDetour = detours.enter(place);
    const parcel = relocation.depart(connection, claim, received);
    try {
      rooms.flush(place);
      const moving = commands.move(place, toRecord(connection, by), claim);
      if (!(await moving.catch(() => true))) return refuse(false);
      // Without its answer, too, it may have been done: then it is heard of.
      const packed = await inTime(parcel, this.#parts.answerMs).catch(() => undefined);
      if (packed === undefined || rooms.owesOf(place)) return refuse(true);
      broker.send(by, place, { kind: 'parcel', claim, clientId, parcel: packed });
    } finally {
      relocation.stay(connection);
      leaveDetour();
    }
  }
}

function hashOf(resumeToken: string): string {
  return createHash('sha256').update(resumeToken).digest('base64url');
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
